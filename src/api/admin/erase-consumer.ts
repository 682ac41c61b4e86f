import { Type } from '../../lib/schema-builder.ts';
import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint } from '../endpoint.ts';

export const eraseConsumerEndpoint = defineEndpoint({
  method: 'POST',
  path: '/admin/consumers/:id/erase',
  planes: ['admin'],
  auth: 'master_key',
  summary:
    'Erases a consumer for good: account, keys, logins, and its name in the records of usage. The audit log keeps that it was there. In force on every gateway within 2 s.',
  response: Type.Object({
    id: Type.String({ description: 'Whose rows are gone.' }),
    kept_as: Type.String({ description: 'What their usage is counted under from now on. It names nobody.' }),
    keys: Type.Integer({ description: 'Keys that are gone.' }),
    logins: Type.Integer({ description: 'Logins that are gone.' }),
    usage_rows: Type.Integer({ description: 'Records of usage that do not name them any more.' }),
  }),
  handle: async ({ context, exchange, param }) => {
    const id = await context.identity.consumers.idOf(param('id'));
    const { keptAs, keys, logins, usage } = await context.identity.erasures.erase(id, byMasterKey(exchange));
    return { status: 200, json: { id, kept_as: keptAs, keys, logins, usage_rows: usage } };
  },
});
