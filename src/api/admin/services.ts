import { Type } from '../../lib/schema-builder.ts';
import { defineEndpoint } from '../endpoint.ts';
import { ServiceView, serviceViews } from '../service-view.ts';

export const servicesEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/services',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Shows every service with its targets: health, breaker, running requests, latency.',
  response: Type.Object({ services: Type.Array(ServiceView) }),
  handle: ({ context }) => ({ status: 200, json: { services: serviceViews(context) } }),
});
