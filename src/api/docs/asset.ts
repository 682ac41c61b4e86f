import { Type } from '../../lib/schema-builder.ts';
import { GatewayError, Rejection } from '../../errors/rejection.ts';
import { defineEndpoint } from '../endpoint.ts';
import { docsAccess } from './docs-access.ts';

/** An hour: the addresses stay the same when the gateway is updated. */
const CACHING = { 'Cache-Control': 'public, max-age=3600' };

const NOT_FOUND = new Rejection('NOT_FOUND', 'The gateway has no such endpoint.');

export const docsAssetEndpoint = defineEndpoint({
  method: 'GET',
  path: '/docs/:file',
  planes: ['public', 'admin'],
  auth: docsAccess,
  summary: 'Scripts, style and icon of the page.',
  contentType: 'text/javascript',
  response: Type.String({ description: 'The file.' }),
  handle: async ({ context, param }) => {
    const file = await context.pageFiles.read(param('file'));
    if (!file) throw new GatewayError(NOT_FOUND);
    return { status: 200, contentType: file.contentType, text: file.bytes, headers: CACHING };
  },
});
