import { Type } from '../../lib/schema-builder.ts';
import { Section } from '../../lib/schema-atoms.ts';
import { defineEndpoint } from '../endpoint.ts';
import { ConsumerView, consumerView } from './consumer-view.ts';
import { PAGE_FIELDS, PageOf, pageOf } from './paging.ts';

export const listConsumersEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/consumers',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Lists stored consumers, newest first; those of the configuration file are in `/admin/config`.',
  query: Section(
    {
      ...PAGE_FIELDS,
      name: Type.Optional(
        Type.String({ description: 'Only the consumer of exactly this name.', minLength: 1, maxLength: 200 }),
      ),
    },
    { description: 'Which consumers.' },
  ),
  response: PageOf(ConsumerView),
  handle: async ({ context, query }) => {
    const page = await context.identity.consumers.list(query);
    return { status: 200, json: pageOf(page, consumerView) };
  },
});
