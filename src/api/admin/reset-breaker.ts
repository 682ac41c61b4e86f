import { Type } from '../../lib/schema-builder.ts';
import { GatewayError, Rejection } from '../../errors/rejection.ts';
import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint } from '../endpoint.ts';

export const resetBreakerEndpoint = defineEndpoint({
  method: 'POST',
  path: '/admin/breakers/:service/:target/reset',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Closes the breaker of one target, named as in `/admin/services`. Only this gateway process is affected.',
  response: Type.Object({ service: Type.String(), target: Type.String(), state: Type.Literal('closed') }),
  handle: async ({ context, exchange, param }) => {
    const [service, target] = [param('service'), param('target')];
    if (!context.deps.breakers.reset(service, target))
      throw new GatewayError(new Rejection('NOT_FOUND', 'No service has a target of this name with a breaker.'));
    context.deps.log.warn({ service, target }, 'a breaker was closed by hand');
    const change = { action: 'breaker.reset', subject: `${service}/${target}` };
    await context.identity.audit.note(byMasterKey(exchange), change);
    return { status: 200, json: { service, target, state: 'closed' as const } };
  },
});
