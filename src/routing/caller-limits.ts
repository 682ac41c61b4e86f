import type { GatewayConfig, RouteConfig } from '../config/gateway-config.ts';
import type { Dependencies } from '../policies/policy-dependencies.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { BudgetStanding } from '../exchange/receipts.ts';
import type { Charge, Counted } from '../counters/counter-store.ts';
import { RouteLimits } from '../policies/limits/route-limits.ts';
import { gatewayLevels } from '../policies/limits/schema.ts';
import type { LevelName } from '../counters/line.ts';
import { fromUnits } from '../counters/units.ts';
import { OWN_ROUTE } from './own-access.ts';

/** The state of a limit for one caller. */
interface LimitStanding {
  readonly limit: number;
  /** The count in the limit's window; `undefined` if the store does not answer or counts no windows. */
  readonly used: number | undefined;
}

/** The limits of a caller that span a minute and an hour, as far as there are such. */
export interface CallerLimitStanding {
  readonly perMinute: LimitStanding | undefined;
  readonly perHour: LimitStanding | undefined;
}

const MINUTE_US = 60_000_000;
const HOUR_US = 3_600_000_000;
/** A limit on the called service says more about a request than one that spans the gateway. */
const NEARNESS: readonly LevelName[] = ['route', 'service', 'key', 'consumer', 'tier', 'settings'];

/**
 * How far a caller is from its limits: those of what callers mostly call (the embeddings service, else the models, else
 * the only service), or else those that span the gateway.
 */
export class CallerLimits {
  private readonly counters: Dependencies['counters'];
  /** In the order in which they are asked for a limit. */
  private readonly limits: readonly RouteLimits[];

  constructor(config: GatewayConfig, { counters }: Pick<Dependencies, 'counters'>) {
    this.counters = counters;
    const own = new RouteLimits(gatewayLevels(config.settings, config.tiers), {
      route: OWN_ROUTE,
      service: undefined,
    });
    const routes = findMainRoutes(config).map(
      ({ name, service, policies }) => new RouteLimits(policies.limits, { route: name, service }),
    );
    this.limits = [...routes, own];
  }

  async of(caller: Pick<Exchange, 'principal' | 'clientIp'>): Promise<CallerLimitStanding> {
    const minute = this.find(caller, MINUTE_US);
    const hour = this.find(caller, HOUR_US);
    const read = [minute, hour].filter((charge) => charge !== undefined);
    const left = await this.counters.read(read);
    const standingOf = (charge: Charge | undefined) => charge && toStanding(charge, left[read.indexOf(charge)]);
    return { perMinute: standingOf(minute), perHour: standingOf(hour) };
  }

  /** The budgets of a caller; a budget whose store does not answer is left out. */
  async budgetsOf(caller: Pick<Exchange, 'principal' | 'clientIp'>): Promise<BudgetStanding[]> {
    const byKey = new Map<string, Counted>();
    for (const limits of this.limits) for (const count of limits.budgetsOf(caller)) byKey.set(count.key, count);
    const counts = [...byKey.values()];
    const left = counts.length === 0 ? [] : await this.counters.read(counts);
    return counts.flatMap(({ line }, i) => {
      const remaining = left[i];
      return remaining === undefined ? [] : [toBudget(line, remaining)];
    });
  }

  private find(caller: Pick<Exchange, 'principal' | 'clientIp'>, windowUs: number): Charge | undefined {
    for (const limits of this.limits) {
      const found = limits.earlyChargesFor(caller).filter(({ line }) => {
        const isTheirs = line.byCaller !== undefined && line.every === undefined;
        return isTheirs && !line.isDryRun && line.rule.windowUs === windowUs;
      });
      if (found.length > 0) return found.reduce((best, charge) => (compare(charge, best) < 0 ? charge : best));
    }
    return undefined;
  }
}

function toBudget({ name, unit, rule }: Counted['line'], remaining: number): BudgetStanding {
  const { limit, endUs } = rule;
  const used = Math.max(0, limit - remaining);
  return {
    name,
    unit,
    limit: fromUnits(limit, unit),
    used: fromUnits(used, unit),
    remaining: fromUnits(remaining, unit),
    resetsAt: endUs / 1000,
  };
}

function findMainRoutes({ routes }: GatewayConfig): readonly RouteConfig[] {
  for (const kind of ['embeddings', 'llm'] as const) {
    const found = routes.filter((route) => route.kind === kind);
    if (found.length > 0) return found;
  }
  const called = routes.filter(({ service }) => service !== undefined);
  return new Set(called.map(({ service }) => service)).size === 1 ? called : [];
}

/** The nearer one first, and of two that are as near the tighter one. */
function compare(a: Charge, b: Charge): number {
  return nearnessOf(a) - nearnessOf(b) || a.line.rule.limit - b.line.rule.limit;
}

function nearnessOf({ line }: Charge): number {
  return NEARNESS.indexOf(line.level);
}

function toStanding({ line: { rule } }: Charge, left: number | undefined): LimitStanding {
  const countsWindows = rule.algorithm !== 'token_bucket';
  const used = left === undefined || !countsWindows ? undefined : Math.max(0, rule.limit - left);
  return { limit: rule.limit, used };
}
