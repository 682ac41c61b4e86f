import { Type } from '../lib/schema-builder.ts';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import { defineEndpoint } from './endpoint.ts';

/** A store that fails never makes the gateway unready: every instance shares it, and all would leave the fleet at once. */
export const readyEndpoint = defineEndpoint({
  method: 'GET',
  path: '/ready',
  planes: ['public', 'admin'],
  auth: 'none',
  summary: 'Says whether traffic should be sent here: 503 only while the gateway shuts down.',
  response: Type.Object({
    status: Type.Literal('ready'),
    degraded: Type.Array(Type.String(), { description: 'What works less well than it should.' }),
  }),
  handle: ({ context }) => {
    if (context.gateway().isDraining)
      throw new GatewayError(new Rejection('DRAINING', 'The gateway is shutting down.'));
    return { status: 200, json: { status: 'ready' as const, degraded: [...context.degraded()] } };
  },
});
