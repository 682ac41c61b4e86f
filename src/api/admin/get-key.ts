import { defineEndpoint } from '../endpoint.ts';
import { KeyView, keyView } from './key-view.ts';

export const getKeyEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/keys/:id',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Shows one API key.',
  response: KeyView,
  handle: async ({ context, param }) => ({ status: 200, json: keyView(await context.identity.keys.get(param('id'))) }),
});
