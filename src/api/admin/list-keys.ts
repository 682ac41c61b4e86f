import { Type } from '../../lib/schema-builder.ts';
import { Section } from '../../lib/schema-atoms.ts';
import { defineEndpoint } from '../endpoint.ts';
import { KeyView, keyView } from './key-view.ts';
import { PAGE_FIELDS, PageOf, pageOf } from './paging.ts';

export const listKeysEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/keys',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Lists API keys, newest first.',
  query: Section(
    {
      ...PAGE_FIELDS,
      consumer_id: Type.Optional(Type.String({ description: 'Only keys of the consumer of this id.' })),
      owner: Type.Optional(
        Type.String({ description: 'Only keys of the consumer of this id or name.', minLength: 1, maxLength: 200 }),
      ),
    },
    { description: 'Which keys.' },
  ),
  response: PageOf(KeyView),
  handle: async ({ context, query }) => {
    const { limit, cursor, owner } = query;
    const { consumers, keys } = context.identity;
    const consumerId = owner === undefined ? query.consumer_id : await consumers.idOf(owner);
    const page = await keys.list({ limit, cursor, consumerId });
    return { status: 200, json: pageOf(page, keyView) };
  },
});
