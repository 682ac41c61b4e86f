import type { Exchange } from '../../exchange/exchange.ts';
import type { LimitStatus } from '../../exchange/limit-status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Shelf } from '../../lib/shelf.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { ServiceMetrics } from '../../telemetry/metrics.ts';
import { type AccessStep, defineAccessPolicy, type RouteContext, type Verdict } from '../policy.ts';
import type { Charge, CounterStore, Decision } from './counter-store.ts';
import { refuse, refuseUnavailable } from './refusal.ts';
import { RouteLimits } from './route-limits.ts';
import { type LimitLevelConfig, RateLimitSchema } from './schema.ts';

interface LimitDependencies {
  readonly clock: Clock;
  readonly counters: CounterStore;
  readonly metrics: { service(name: string): ServiceMetrics };
  readonly log: Pick<Logger, 'warn'>;
  readonly shelf: Pick<Shelf, 'keep'>;
}

/** Tiers come with tokens too, so their number is not ours to choose. */
const MOST_WARNINGS = 100;

/**
 * Owns every limit of a request and decides them together: all are charged or none, so a refused request costs nothing.
 * `limits.peek` refuses without a wait who is known to be refused, before a body is read; `limits.decide` charges.
 */
export const limitsPolicy = defineAccessPolicy({
  name: 'limits',
  alsoOwns: ['rate_limit'],
  phase: 'access',
  schema: RateLimitSchema,
  errors: ['RATE_LIMIT_EXCEEDED', 'STORE_UNAVAILABLE'],
  create: (levels: readonly LimitLevelConfig[], deps, at) => createLimitSteps(levels, deps, at),
});

export function createLimitSteps(
  levels: readonly LimitLevelConfig[],
  deps: LimitDependencies,
  at: Pick<RouteContext, 'route' | 'service'>,
): readonly AccessStep[] {
  const limits = new RouteLimits(levels, at, warnOnce(deps));
  const gate = new LimitGate(limits, deps, deps.metrics.service(at.service ?? at.route));
  return [
    { name: 'limits.peek', decide: (exchange) => gate.peek(exchange) },
    { name: 'limits.decide', decide: (exchange) => gate.decide(exchange) },
  ];
}

/** One warning for each tier that callers are on and the configuration does not have; shared by all routes. */
function warnOnce({ log, shelf }: LimitDependencies): (tier: string) => void {
  const warned = shelf.keep('limits: unknown tiers', () => new Set<string>());
  return (tier) => {
    if (warned.has(tier) || warned.size >= MOST_WARNINGS) return;
    warned.add(tier);
    log.warn({ tier }, 'a caller is on a tier that the configuration does not have: no limits of a tier apply to it');
  };
}

class LimitGate {
  private readonly limits: RouteLimits;
  private readonly deps: LimitDependencies;
  private readonly metrics: ServiceMetrics;

  constructor(limits: RouteLimits, deps: LimitDependencies, metrics: ServiceMetrics) {
    this.limits = limits;
    this.deps = deps;
    this.metrics = metrics;
  }

  peek(exchange: Exchange): Verdict {
    const { counters } = this.deps;
    if (!counters.hasDenials) return undefined;
    const charges = this.limits.earlyChargesFor(exchange);
    const denied = counters.peek(charges);
    return denied && this.conclude(exchange, charges, denied);
  }

  decide(exchange: Exchange): Verdict | Promise<Verdict> {
    const charges = this.limits.chargesFor(exchange);
    if (charges.length === 0) return undefined;
    const decision = this.deps.counters.decide(charges);
    if (!(decision instanceof Promise)) return this.conclude(exchange, charges, decision);
    return decision.then((decided) => this.conclude(exchange, charges, decided));
  }

  private conclude(exchange: Exchange, charges: readonly Charge[], decision: Decision): Verdict {
    if (decision.outcome === 'unavailable') return refuseUnavailable();
    this.reportDryRuns(charges, decision);
    const index = findTightest(charges, decision);
    if (index === -1) return undefined;
    exchange.limit = statusOf(charges, decision, index);
    return decision.outcome === 'refused' ? this.refuseBy(charges, decision, index) : undefined;
  }

  private refuseBy(charges: readonly Charge[], decision: Decision, index: number): Verdict {
    const { line } = charges[index] as Charge;
    const verdict = decision.verdicts[index];
    if (!verdict) return undefined;
    this.metrics.rateLimited(line.name);
    return refuse(line, verdict, { nowMs: this.deps.clock.now(), jitter: Math.random() });
  }

  private reportDryRuns(charges: readonly Charge[], { verdicts }: Decision): void {
    for (let i = 0; i < charges.length; i++) {
      const { line } = charges[i] as Charge;
      if (line.isDryRun && verdicts[i]?.admitted === false) this.metrics.rateLimited(`${line.name}:dry_run`);
    }
  }
}

/** Of a refusal the line with the longest wait, since all must be waited out; else the line with the least left; or -1. */
function findTightest(charges: readonly Charge[], { outcome, verdicts }: Decision): number {
  let found = -1;
  for (let i = 0; i < charges.length; i++) {
    const verdict = verdicts[i];
    if (!verdict || (charges[i] as Charge).line.isDryRun) continue;
    if (outcome === 'refused' && verdict.admitted) continue;
    const best = verdicts[found];
    const isTighter =
      !best || (outcome === 'refused' ? verdict.retryUs > best.retryUs : verdict.remaining < best.remaining);
    if (isTighter) found = i;
  }
  return found;
}

function statusOf(charges: readonly Charge[], { verdicts }: Decision, index: number): LimitStatus | undefined {
  const verdict = verdicts[index];
  if (!verdict) return undefined;
  const { name, rule } = (charges[index] as Charge).line;
  return {
    limit: rule.capacity,
    remaining: verdict.remaining,
    resetMs: Math.ceil(verdict.resetUs / 1000),
    windowMs: rule.windowUs / 1000,
    name,
  };
}
