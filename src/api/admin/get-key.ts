import { defineEndpoint } from '../endpoint.ts';
import { KeyView, keyView } from './key-view.ts';

export const getKeyEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/keys/:id',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Shows one API key by its id, prefix or name.',
  response: KeyView,
  handle: async ({ context, param }) => {
    const { keys } = context.identity;
    return { status: 200, json: keyView(await keys.get(await keys.idOf(param('id')))) };
  },
});
