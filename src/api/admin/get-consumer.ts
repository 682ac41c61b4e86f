import { defineEndpoint } from '../endpoint.ts';
import { ConsumerView, consumerView } from './consumer-view.ts';

export const getConsumerEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/consumers/:id',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Shows one stored consumer.',
  response: ConsumerView,
  handle: async ({ context, param }) => ({
    status: 200,
    json: consumerView(await context.identity.consumers.get(param('id'))),
  }),
});
