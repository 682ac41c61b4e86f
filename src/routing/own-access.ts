import type { GatewayConfig } from '../config/gateway-config.ts';
import type { Dependencies } from '../policies/policy-dependencies.ts';
import { Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { createAuthStep } from '../policies/auth/auth.policy.ts';
import { createLimitSteps } from '../policies/limits/limits.policy.ts';
import { gatewayLevels } from '../policies/limits/schema.ts';
import type { AccessStep } from '../policies/policy.ts';

/** Who may call an own endpoint: `token` callers with a token; `token_or_key` any caller, for the cost of a request. */
export type Callers = 'token' | 'token_or_key';

/** The name own endpoints go by in metrics and in limits that are split by route. */
export const OWN_ROUTE = 'gateway';

/** Where a route may choose, own endpoints take keys in the usual header. */
const ACCEPTANCE = { header: 'X-API-Key', token_in_query: false, on_stale_feed: 'serve' } as const;

/** Identifies the caller of an own endpoint by the same steps as a route. */
export class OwnAccess {
  private readonly steps: Readonly<Record<Callers, readonly AccessStep[]>>;

  constructor({ settings, tiers }: GatewayConfig, deps: Dependencies) {
    const at = { route: OWN_ROUTE, service: undefined };
    const limits = createLimitSteps(gatewayLevels(settings, tiers), deps, at);
    this.steps = {
      token: [createAuthStep({ ...ACCEPTANCE, modes: ['jwt'] }, deps)],
      token_or_key: [createAuthStep(ACCEPTANCE, deps), ...limits],
    };
  }

  /** `undefined` once the exchange has its principal. */
  async check(exchange: Exchange, callers: Callers): Promise<Rejection | undefined> {
    for (const step of this.steps[callers]) {
      const verdict = await step.decide(exchange);
      if (verdict instanceof Rejection) return verdict;
    }
    return undefined;
  }
}
