import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint } from '../endpoint.ts';
import { KeyView, keyView } from './key-view.ts';

export const revokeKeyEndpoint = defineEndpoint({
  method: 'DELETE',
  path: '/admin/keys/:id',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Revokes an API key for good; in force on every gateway within 2 s.',
  response: KeyView,
  handle: async ({ context, exchange, param }) => {
    const { keys } = context.identity;
    const id = await keys.idOf(param('id'));
    return { status: 200, json: keyView(await keys.revoke(id, byMasterKey(exchange))) };
  },
});
