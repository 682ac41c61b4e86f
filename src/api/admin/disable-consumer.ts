import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint } from '../endpoint.ts';
import { ConsumerView, consumerView } from './consumer-view.ts';

export const disableConsumerEndpoint = defineEndpoint({
  method: 'DELETE',
  path: '/admin/consumers/:id',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Disables a consumer and with it all its keys. It stays on record; `status: active` brings it back.',
  response: ConsumerView,
  handle: async ({ context, exchange, param }) => {
    const { consumers } = context.identity;
    const id = await consumers.idOf(param('id'));
    return {
      status: 200,
      json: consumerView(await consumers.patch(id, { status: 'disabled' }, byMasterKey(exchange))),
    };
  },
});
