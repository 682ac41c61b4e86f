import type { Exchange } from '../../exchange/exchange.ts';
import type { Principal } from '../../exchange/principal.ts';
import type { AuditContext } from '../../identity/audit/audit-context.ts';
import { byActor } from '../audit-context.ts';

/** The caller of an endpoint that requires one. */
export function callerOf({ principal }: Exchange): Principal {
  if (!principal) throw new Error('the endpoint lets in who is not known');
  return principal;
}

/** For the audit log. */
export function byCaller(exchange: Exchange): AuditContext {
  return byActor(callerOf(exchange).consumer.id, exchange);
}
