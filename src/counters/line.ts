import { createHash } from 'node:crypto';
import type { ClaimValue, Principal } from '../exchange/principal.ts';
import { formatDuration } from '../lib/duration.ts';
import { findLeaseTerms, type LeaseTerms } from './lease-terms.ts';
import { findPeriod, type Every } from './rules/period.ts';
import { compileCalendar, compileRule, type Rule } from './rules/rule.ts';
import { amountOf, type BudgetConfig, type LimitConfig } from '../policies/limits/schema.ts';
import { toUnits, type Unit } from './units.ts';

/** One limit as it applies on one route: what it counts over, and how the count is split. */
export interface Line {
  /** Name in metrics and headers; a closed vocabulary built from the configuration. */
  readonly name: string;
  /** Where it is written. */
  readonly level: LevelName;
  /** In whole units. Of a budget that of one day or month: see `lineAt`. */
  readonly rule: Rule;
  readonly unit: Unit;
  /** On a budget: how often it resets. */
  readonly every: Every | undefined;
  readonly lease: LeaseTerms;
  readonly isDryRun: boolean;
  /** Several callers draw on one count. */
  readonly isShared: boolean;
  /** What of the key does not depend on the request. The number of the limit is not in it: editing it keeps the count. */
  readonly key: string;
  readonly byCaller: 'consumer' | 'credential' | undefined;
  readonly byAddress: boolean;
  readonly byTier: boolean;
  readonly byLob: boolean;
  readonly byModel: boolean;
  /** The only model it counts requests to; `undefined` = whatever is asked for. */
  readonly model: string | undefined;
  /** The limit this line is made of, when a claim may lower it. */
  readonly lowerable: LimitConfig | undefined;
}

/** What was stored on a key before there was anything else counts requests. */
type StoredLimit = Omit<LimitConfig, 'count'> & Partial<Pick<LimitConfig, 'count'>>;

export type LevelName = 'settings' | 'tier' | 'service' | 'model' | 'route' | 'consumer' | 'key';

/** Where limits are written. `id` names the tier, service, route, consumer or key; it is empty for settings. */
export interface Level {
  readonly level: LevelName;
  readonly id: string;
  /** On the level of a model: its name. */
  readonly model?: string | undefined;
  readonly rate_limit: { readonly limits: readonly StoredLimit[] };
  readonly budget?: readonly BudgetConfig[] | undefined;
}

/** The most that one request may come to. */
export interface Cap {
  readonly unit: Exclude<Unit, 'requests'>;
  /** Whole units. */
  readonly most: number;
  readonly isDryRun: boolean;
  readonly name: string;
}

/** The route a line is compiled for. */
export interface LinePlace {
  readonly route: string;
  readonly service: string | undefined;
}

/** Budgets are for what services do: what the gateway answers itself is not charged to them. */
export function compileLevel(level: Level, place: LinePlace): Line[] {
  const taken = new Map<string, number>();
  const keyOnce = (key: string): string => {
    const twins = taken.get(key) ?? 0;
    taken.set(key, twins + 1);
    return twins === 0 ? key : `${key}${twins + 1}:`;
  };
  const lines = level.rate_limit.limits.map(({ count = 'requests', ...rest }) => {
    const config = { ...rest, count };
    return compileLimit(level, config, keyOnce(keyOf(level, limitParts(config), place)));
  });
  const budgets = place.service === undefined ? [] : (level.budget ?? []);
  for (const budget of budgets) {
    const { every } = budget;
    if (every !== 'request')
      lines.push(compileBudget(level, { ...budget, every }, keyOnce(keyOf(level, budgetParts(budget), place))));
  }
  return lines;
}

export function compileCaps(level: Level): Cap[] {
  return (level.budget ?? []).flatMap((budget) => {
    const { unit, amount } = amountOf(budget);
    if (budget.every !== 'request' || unit === 'requests') return [];
    const name = budget.name ?? `${level.level}:${unit}:request`;
    return [{ unit, most: toUnits(amount, unit), isDryRun: budget.dry_run, name }];
  });
}

/** A line at a moment (epoch milliseconds): for a budget, the line of that day or month. */
export function lineAt(line: Line, now: number): Line {
  if (line.every === undefined) return line;
  const { name } = findPeriod(line.every, now);
  return { ...line, key: `${line.key}${name}:`, rule: compileCalendar(line.rule.limit, line.every, now) };
}

function compileLimit(level: Level, config: LimitConfig, key: string): Line {
  const { count: unit } = config;
  const rule = ruleOf(config);
  return {
    ...splitOf(level, config.per),
    name: config.name ?? nameOf(level, config),
    rule,
    unit,
    every: undefined,
    lease: termsOf(rule, config),
    isDryRun: config.dry_run,
    key,
    lowerable: config.limit_claim && config,
  };
}

function compileBudget(level: Level, config: BudgetConfig & { every: Every }, key: string): Line {
  const { unit, amount } = amountOf(config);
  const rule = compileCalendar(toUnits(amount, unit), config.every, 0);
  return {
    ...splitOf(level, config.per),
    name: config.name ?? [level.level, unit, config.every, ...splitName(config.per)].join(':'),
    rule,
    unit,
    every: config.every,
    lease: findLeaseTerms(rule, 'strict'),
    isDryRun: config.dry_run,
    key,
    lowerable: undefined,
  };
}

function ruleOf({ limit, burst, window, algorithm, count: unit }: LimitConfig): Rule {
  const ofBurst = burst === undefined ? {} : { burst: toUnits(burst, unit) };
  return compileRule({ limit: toUnits(limit, unit), window, algorithm, ...ofBurst });
}

/** Tokens and money are corrected after each request, so that taking them in advance would save no trip. */
function termsOf(rule: Rule, { count: unit, mode }: LimitConfig): LeaseTerms {
  return findLeaseTerms(rule, unit === 'requests' ? mode : 'strict');
}

type Split = Pick<Line, 'level' | 'isShared' | 'byCaller' | 'byAddress' | 'byTier' | 'byLob' | 'byModel' | 'model'>;

function splitOf(level: Level, dimensions: LimitConfig['per']): Split {
  const per = new Set(dimensions);
  const byCaller = per.has('credential') ? 'credential' : per.has('consumer') ? 'consumer' : undefined;
  const byAddress = per.has('ip');
  return {
    level: level.level,
    isShared: byCaller === undefined && !byAddress && level.level !== 'consumer' && level.level !== 'key',
    byCaller,
    byAddress,
    byTier: per.has('tier'),
    byLob: per.has('lob'),
    byModel: per.has('model'),
    model: level.model,
  };
}

/**
 * The line as it applies to a caller with these claims: with a lower limit when one of them asks for it, else the line
 * itself. The count stays the one of all callers of the line, and a burst shrinks with its limit.
 */
export function lowerByClaim(line: Line, claims: Principal['claims']): Line {
  const config = line.lowerable;
  if (!config?.limit_claim) return line;
  const { claim, max = config.limit } = config.limit_claim;
  const wanted = readAmount(Object.hasOwn(claims, claim) ? claims[claim] : undefined, line.unit);
  const limit = Math.min(config.limit, max, wanted ?? config.limit);
  if (wanted === undefined || limit === config.limit) return line;
  const shrunk = config.burst && (config.burst * limit) / config.limit;
  const burst = shrunk && { burst: line.unit === 'cost_usd' ? shrunk : Math.max(1, Math.floor(shrunk)) };
  const rule = ruleOf({ ...config, limit, ...burst });
  return { ...line, rule, lease: termsOf(rule, config) };
}

/** A claim of less than one counts as one, and of less than any money as the least there is: a limit cannot say "never". */
function readAmount(claim: ClaimValue | undefined, unit: Unit): number | undefined {
  const amount = typeof claim === 'string' && /^\d{1,12}(\.\d{1,9})?$/.test(claim) ? Number(claim) : claim;
  if (typeof amount !== 'number' || Number.isNaN(amount)) return undefined;
  return unit === 'cost_usd' ? Math.max(0, amount) : Math.max(1, Math.floor(amount));
}

function nameOf(level: Level, config: LimitConfig): string {
  const { count: unit } = config;
  const counted = unit === 'requests' ? [] : [unit];
  return [level.level, ...counted, formatDuration(config.window), ...splitName(config.per)].join(':');
}

function splitName(per: LimitConfig['per']): string[] {
  return per.length === 1 && per[0] === 'consumer' ? [] : [per.join('+')];
}

/** The part of a limit or budget that distinguishes its count from others of its level. */
interface KeyParts {
  readonly per: LimitConfig['per'];
  /** Behind the split, so that limits of requests keep the keys they have always had. */
  readonly before: readonly (string | number)[];
  readonly after: readonly string[];
}

function limitParts({ name = '', window, algorithm, per, count: unit }: LimitConfig): KeyParts {
  return { per, before: [name, window], after: unit === 'requests' ? [algorithm] : [algorithm, unit] };
}

function budgetParts(budget: BudgetConfig): KeyParts {
  return { per: budget.per, before: [budget.name ?? '', budget.every], after: ['budget', amountOf(budget).unit] };
}

function keyOf(level: Level, { per: dimensions, before, after }: KeyParts, place: LinePlace): string {
  const per = [...dimensions].sort();
  const parts = [level.level, escapeKey(level.id), ...before, per.join('+'), ...after];
  if (per.includes('route')) parts.push(`route=${escapeKey(place.route)}`);
  if (per.includes('service')) parts.push(`service=${escapeKey(place.service ?? '')}`);
  return `${parts.join(':')}:`;
}

/**
 * Makes a value safe for a key: short and harmless values are kept, so that an operator can read the keys, all
 * others as their SHA-256. No two values give the same text, and none can end a part of the key or choose its slot.
 */
export function escapeKey(value: string): string {
  if (/^[\w.:/-]{0,64}$/.test(value)) return value;
  return `~${createHash('sha256').update(value).digest('base64url')}`;
}
