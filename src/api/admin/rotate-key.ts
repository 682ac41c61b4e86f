import { Duration, Section } from '../../lib/schema-atoms.ts';
import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint } from '../endpoint.ts';
import { IssuedKeyView, issuedKeyView } from './key-view.ts';

/** The body of every rotation. */
export const Rotation = Section(
  {
    grace: Duration({
      description: 'How long the old key goes on working; `0s` ends it at once.',
      default: '1h',
      maximum: '30d',
    }),
  },
  { description: 'How the old key ends.' },
);

export const rotateKeyEndpoint = defineEndpoint({
  method: 'POST',
  path: '/admin/keys/:id/rotate',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Issues a key that takes the place of another with all its properties. It is shown in this answer only.',
  body: Rotation,
  success: 201,
  response: IssuedKeyView,
  handle: async ({ context, exchange, param, body }) => {
    const { keys } = context.identity;
    const issued = await keys.rotate(await keys.idOf(param('id')), body.grace, byMasterKey(exchange));
    return { status: 201, json: issuedKeyView(issued) };
  },
});
