import type { Exchange } from '../exchange/exchange.ts';
import { type AuditContext, MASTER_KEY_ACTOR } from '../identity/audit/audit-context.ts';

/** For the audit log: this actor, from where the request came. */
export function byActor(actor: string, { clientIp, id }: Exchange): AuditContext {
  return { actor, address: clientIp, requestId: id };
}

/** The same for an endpoint that asks for the master key. */
export function byMasterKey(exchange: Exchange): AuditContext {
  return byActor(MASTER_KEY_ACTOR, exchange);
}
