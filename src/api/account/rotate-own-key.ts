import { Rotation } from '../admin/rotate-key.ts';
import { defineEndpoint } from '../endpoint.ts';
import { byCaller, callerOf } from './caller.ts';
import { IssuedOwnKeyView, issuedOwnKeyView } from './own-key-view.ts';

export const rotateOwnKeyEndpoint = defineEndpoint({
  method: 'POST',
  path: '/v1/auth/api-keys/:id/rotate',
  aliases: ['/api/v1/auth/api-keys/:id/rotate'],
  planes: ['public'],
  auth: 'token',
  summary: 'Issues a key that takes the place of another with all its properties. It is shown in this answer only.',
  body: Rotation,
  success: 201,
  response: IssuedOwnKeyView,
  handle: async ({ context, exchange, param, body }) => {
    const { ownKeys } = context.identity;
    const issued = await ownKeys.rotate(callerOf(exchange), param('id'), body.grace, byCaller(exchange));
    return { status: 201, json: issuedOwnKeyView(issued) };
  },
});
