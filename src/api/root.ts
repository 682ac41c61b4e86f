import { Type } from '../lib/schema-builder.ts';
import { defineEndpoint } from './endpoint.ts';

export const rootEndpoint = defineEndpoint({
  method: 'GET',
  path: '/',
  planes: ['public'],
  auth: 'none',
  summary: 'Says what answers here.',
  response: Type.Object({ status: Type.Literal('ok'), service: Type.Literal('turnpike'), version: Type.String() }),
  handle: ({ context }) => ({
    status: 200,
    json: { status: 'ok' as const, service: 'turnpike' as const, version: context.version },
  }),
});
