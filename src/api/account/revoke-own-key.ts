import { KeyView, keyView } from '../admin/key-view.ts';
import { defineEndpoint } from '../endpoint.ts';
import { byCaller, callerOf } from './caller.ts';

export const revokeOwnKeyEndpoint = defineEndpoint({
  method: 'DELETE',
  path: '/v1/auth/api-keys/:id',
  aliases: ['/api/v1/auth/api-keys/:id'],
  planes: ['public'],
  auth: 'token',
  summary: 'Revokes an API key of who is logged in for good; in force on every gateway within 2 s.',
  response: KeyView,
  handle: async ({ context, exchange, param }) => ({
    status: 200,
    json: keyView(await context.identity.ownKeys.revoke(callerOf(exchange), param('id'), byCaller(exchange))),
  }),
});
