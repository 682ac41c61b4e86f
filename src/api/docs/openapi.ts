import { Type } from '../../lib/schema-builder.ts';
import { defineEndpoint } from '../endpoint.ts';
import { docsAccess } from './docs-access.ts';

export const openApiEndpoint = defineEndpoint({
  method: 'GET',
  path: '/openapi.json',
  planes: ['public', 'admin'],
  auth: docsAccess,
  summary: 'Describes what is served here, routes included, as an OpenAPI 3.1 document.',
  response: Type.Object({}, { description: 'The document.' }),
  handle: async ({ describe }) => ({ status: 200, contentType: 'application/json', text: await describe() }),
});
