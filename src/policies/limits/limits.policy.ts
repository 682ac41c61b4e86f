import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { LimitStatus } from '../../exchange/receipts.ts';
import { totalOf } from '../../exchange/cost-of.ts';
import type { Clock } from '../../lib/clock.ts';
import { type Keeper, Kind } from '../../lib/shelf.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { ServiceMetrics } from '../../telemetry/metrics.ts';
import { type AccessStep, defineAccessPolicy, type RouteContext, type Verdict } from '../policy.ts';
import type { Charge, CounterStore, Decision } from '../../counters/counter-store.ts';
import { HeldReceipts } from './held-receipts.ts';
import { judgeCall } from './judge-call.ts';
import { Receipt } from './receipt.ts';
import { refuse, refuseUnavailable, refuseUnmetered } from './refusal.ts';
import { isEarly, RouteLimits } from './route-limits.ts';
import type { Verdict as LineVerdict } from '../../counters/rules/rule.ts';
import { type LimitLevelConfig, RateLimitSchema } from './schema.ts';
import { StreamAllowance } from './stream-allowance.ts';
import type { Unit } from '../../counters/units.ts';

interface LimitDependencies {
  readonly clock: Clock;
  readonly counters: CounterStore;
  readonly metrics: { service(name: string): ServiceMetrics };
  readonly log: Pick<Logger, 'warn'>;
  readonly shelf: Keeper;
}

/** Tiers come with tokens too, so their number is not ours to choose. */
const MOST_WARNINGS = 100;
const WARNED_TIERS = new Kind<Set<string>>('tiers that were warned about');
const HELD_RECEIPTS = new Kind<HeldReceipts>('reservations of limits');

/**
 * Owns every limit of a request and decides them together: all are charged or none, so a refused request costs nothing.
 * `limits.peek` refuses without a wait who is known to be refused, before a body is read; `limits.early` charges for large
 * bodies what can be charged before they are read, `limits.decide` all the rest. A request that is refused in between for
 * its own fault costs one as well.
 */
export const limitsPolicy = defineAccessPolicy({
  name: 'limits',
  ownsKeys: ['rate_limit', 'budget'],
  phase: 'access',
  schema: RateLimitSchema,
  errors: [
    'RATE_LIMIT_EXCEEDED',
    'BUDGET_EXCEEDED',
    'STORE_UNAVAILABLE',
    'FORBIDDEN',
    'MODEL_NOT_ALLOWED',
    'VALUE_ERROR',
  ],
  create: (levels: readonly LimitLevelConfig[], deps, at) => createLimitSteps(levels, deps, at),
});

export function createLimitSteps(
  levels: readonly LimitLevelConfig[],
  deps: LimitDependencies,
  at: Pick<RouteContext, 'route' | 'service'>,
): readonly AccessStep[] {
  const limits = new RouteLimits(levels, at, warnOnce(deps), deps.clock);
  const gate = new LimitGate(limits, deps, deps.metrics.service(at.service ?? at.route));
  return [
    { name: 'limits.peek', decide: (exchange) => gate.peek(exchange) },
    { name: 'limits.early', decide: (exchange) => gate.decideEarly(exchange) },
    {
      name: 'limits.decide',
      decide: (exchange) => gate.decide(exchange),
      onRefused: (exchange, rejection) => gate.chargeRefused(exchange, rejection),
    },
  ];
}

/** One warning for each tier that callers are on and the configuration does not have; shared by all routes. */
function warnOnce({ log, shelf }: LimitDependencies): (tier: string) => void {
  const warned = shelf.keep(WARNED_TIERS, '', () => new Set());
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
  private readonly held: HeldReceipts;
  /** What was charged before a large body was read. */
  private readonly early = new WeakMap<Exchange, Receipt>();

  constructor(limits: RouteLimits, deps: LimitDependencies, metrics: ServiceMetrics) {
    this.limits = limits;
    this.deps = deps;
    this.metrics = metrics;
    this.held = deps.shelf.keep(HELD_RECEIPTS, '', () => new HeldReceipts());
  }

  peek(exchange: Exchange): Verdict {
    const { counters } = this.deps;
    if (!counters.hasDenials) return undefined;
    const charges = this.limits.earlyChargesFor(exchange);
    const denied = counters.peek(charges);
    return denied && this.conclude(exchange, charges, denied);
  }

  decide(exchange: Exchange): Verdict | Promise<Verdict> {
    const set = this.limits.setFor(exchange.principal);
    if (set.countsMoney || set.caps.length > 0) {
      const rejection = judgeCall(exchange, set, { onDryRun: (name) => this.metrics.rateLimited(`${name}:dry_run`) });
      if (rejection) return rejection;
    }
    if (set.limitsUse && exchange.unmetered !== undefined) return refuseUnmetered(exchange.unmetered);
    const charges = this.limits.chargesFor(exchange);
    const left = this.early.has(exchange) ? charges.filter(({ line }) => !isEarly(line)) : charges;
    if (left.length === 0) return undefined;
    const decision = this.deps.counters.decide(left);
    if (!(decision instanceof Promise)) return this.conclude(exchange, left, decision);
    return decision.then((decided) => this.conclude(exchange, left, decided));
  }

  /** For a large body, before it is read: what need not know what it asks for. */
  decideEarly(exchange: Exchange): Verdict | Promise<Verdict> {
    if (!exchange.body.isReadLong) return undefined;
    const charges = this.limits.earlyChargesFor(exchange);
    if (charges.length === 0) return undefined;
    const decision = this.deps.counters.decide(charges);
    if (!(decision instanceof Promise)) return this.concludeEarly(exchange, charges, decision);
    return decision.then((decided) => this.concludeEarly(exchange, charges, decided));
  }

  /** What was refused before anything was charged costs one request, unless it was none of the caller's doing. */
  chargeRefused(exchange: Exchange, rejection: Rejection): Rejection | Promise<Rejection> {
    const receipt = this.early.get(exchange);
    if (FREE.has(rejection.status)) {
      receipt?.refund('all');
      return rejection;
    }
    if (receipt || !AT_FAULT.has(rejection.status)) return rejection;
    const charges = this.limits.earlyChargesFor(exchange).filter(({ line }) => line.every === undefined);
    if (charges.length === 0) return rejection;
    const settle = (decision: Decision): Rejection => {
      if (decision.outcome === 'unavailable') return rejection;
      const verdict = this.conclude(exchange, charges, decision);
      return verdict instanceof Rejection ? verdict : rejection;
    };
    const decision = this.deps.counters.decide(charges);
    return decision instanceof Promise ? decision.then(settle) : settle(decision);
  }

  private concludeEarly(exchange: Exchange, charges: readonly Charge[], decision: Decision): Verdict {
    const verdict = this.conclude(exchange, charges, decision);
    if (verdict || decision.outcome !== 'admitted') return verdict;
    const receipt = this.receiptFor(exchange, charges, decision);
    this.early.set(exchange, receipt);
    return undefined;
  }

  private conclude(exchange: Exchange, charges: readonly Charge[], decision: Decision): Verdict {
    if (decision.outcome === 'unavailable') return this.refuseFree(exchange, refuseUnavailable());
    this.reportDryRuns(charges, decision);
    const refusing = decision.outcome === 'refused' ? findLongest(charges, decision) : -1;
    exchange.limit = statusOf(charges, decision, findShown('requests', charges, decision, refusing)) ?? exchange.limit;
    exchange.tokenLimit = statusOf(charges, decision, findShown('tokens', charges, decision, refusing));
    if (refusing !== -1) return this.refuseFree(exchange, this.refuseBy(charges, decision, refusing));
    if (decision.outcome === 'admitted' && charges.some(isSettled)) this.settleLater(exchange, charges, decision);
    return undefined;
  }

  /** What was charged before is given back: a request that the limits refuse costs nothing. */
  private refuseFree(exchange: Exchange, verdict: Verdict): Verdict {
    this.early.get(exchange)?.refund('all');
    return verdict;
  }

  /** What was taken is corrected when the exchange is over, and until then what is only reserved is kept so. */
  private settleLater(exchange: Exchange, charges: readonly Charge[], decision: Decision): void {
    const { counters } = this.deps;
    const early = this.early.get(exchange);
    early?.addMain(charges, decision);
    const receipt = early ?? this.receiptFor(exchange, charges, decision);
    if (exchange.isAbandoned) return;
    const used = charges.filter(({ line }) => line.unit !== 'requests');
    if (exchange.model?.isStream && used.length > 0)
      exchange.filterBody(new StreamAllowance({ call: exchange.model, charges: used, counters, receipt }));
  }

  /** A receipt that is closed when the exchange is over. */
  private receiptFor(exchange: Exchange, charges: readonly Charge[], decision: Decision): Receipt {
    const { counters, clock } = this.deps;
    const receipt = new Receipt(charges, decision, {
      counters,
      nowUs: () => Math.round(clock.monotonic() * 1000),
      onClosed: (closed) => this.held.remove(closed),
    });
    // Who has left while this was decided gets no hooks called any more.
    if (exchange.isAbandoned) {
      receipt.refund('all');
      return receipt;
    }
    exchange.charge = receipt;
    this.held.add(receipt);
    exchange.onSettled(() => {
      const { model: call, attempts } = exchange;
      if (attempts.length === 0 && !call?.usage && !call?.lost.length) receipt.cancel();
      else receipt.settle(call ? totalOf(call) : NOTHING_USED);
    });
    return receipt;
  }

  private refuseBy(charges: readonly Charge[], decision: Decision, index: number): Verdict {
    const charge = charges[index] as Charge;
    const verdict = decision.verdicts[index];
    if (!verdict) return undefined;
    this.metrics.rateLimited(charge.line.name);
    return refuse(charge, verdict, { nowMs: this.deps.clock.now(), jitter: Math.random() });
  }

  private reportDryRuns(charges: readonly Charge[], { verdicts }: Decision): void {
    for (let i = 0; i < charges.length; i++) {
      const { line } = charges[i] as Charge;
      if (line.isDryRun && verdicts[i]?.admitted === false) this.metrics.rateLimited(`${line.name}:dry_run`);
    }
  }
}

/** Refusals that are no fault of the caller's, or that ask for the same request once more. */
const FREE: ReadonlySet<number> = new Set([429, 503]);
const AT_FAULT: ReadonlySet<number> = new Set([400, 403, 404, 413, 415, 422]);

const NOTHING_USED = { tokens: 0, costNanoUsd: 0 };

function isSettled({ line }: Charge): boolean {
  return line.unit !== 'requests' || line.every !== undefined;
}

/** Of the lines that refuse the one with the longest wait, since all must be waited out; or -1. */
function findLongest(charges: readonly Charge[], { verdicts }: Decision): number {
  let found = -1;
  for (let i = 0; i < charges.length; i++) {
    const verdict = verdicts[i];
    if (!verdict || verdict.admitted || (charges[i] as Charge).line.isDryRun) continue;
    if (found === -1 || verdict.retryUs > (verdicts[found] as LineVerdict).retryUs) found = i;
  }
  return found;
}

/** Of the lines of a unit the one that refused, else the one with the least left; or -1. */
function findShown(unit: Unit, charges: readonly Charge[], { verdicts }: Decision, refusing: number): number {
  if (refusing !== -1 && charges[refusing]?.line.unit === unit) return refusing;
  let found = -1;
  for (let i = 0; i < charges.length; i++) {
    const verdict = verdicts[i];
    const { line } = charges[i] as Charge;
    if (!verdict || line.isDryRun || line.unit !== unit) continue;
    if (found === -1 || verdict.remaining < (verdicts[found] as LineVerdict).remaining) found = i;
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
