import { Section } from '../../lib/schema-atoms.ts';
import { KeyView, keyView } from '../admin/key-view.ts';
import { PAGE_FIELDS, PageOf, pageOf } from '../admin/paging.ts';
import { defineEndpoint } from '../endpoint.ts';
import { callerOf } from './caller.ts';

export const listOwnKeysEndpoint = defineEndpoint({
  method: 'GET',
  path: '/v1/auth/api-keys',
  aliases: ['/api/v1/auth/api-keys'],
  planes: ['public'],
  auth: 'token',
  summary: 'Lists the API keys of who is logged in, newest first.',
  query: Section(PAGE_FIELDS, { description: 'Which page.' }),
  response: PageOf(KeyView),
  handle: async ({ context, exchange, query }) => {
    const page = await context.identity.ownKeys.list(callerOf(exchange), query);
    return { status: 200, json: pageOf(page, keyView) };
  },
});
