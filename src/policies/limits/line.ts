import { createHash } from 'node:crypto';
import type { ClaimValue, Principal } from '../../exchange/principal.ts';
import { formatDuration } from '../../lib/duration.ts';
import { findLeaseTerms, type LeaseTerms } from './lease-terms.ts';
import { compileRule, type Rule } from './rule.ts';
import type { LimitConfig, RateLimitConfig } from './schema.ts';

/** One limit as it applies on one route: what it counts over, and how the count is split. */
export interface Line {
  /** Name in metrics and headers; a closed vocabulary built from the configuration. */
  readonly name: string;
  readonly rule: Rule;
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

/** Where limits are written. `id` names the tier, service, route, consumer or key; it is empty for settings. */
export interface Level {
  readonly level: 'settings' | 'tier' | 'service' | 'model' | 'route' | 'consumer' | 'key';
  readonly id: string;
  /** On the level of a model: its name. */
  readonly model?: string | undefined;
  readonly rate_limit: Pick<RateLimitConfig, 'limits'>;
}

/** The route a line is compiled for. */
export interface LinePlace {
  readonly route: string;
  readonly service: string | undefined;
}

export function compileLevel(level: Level, place: LinePlace): Line[] {
  const taken = new Map<string, number>();
  return level.rate_limit.limits.map((config) => {
    const key = keyOf(level, config, place);
    const twins = taken.get(key) ?? 0;
    taken.set(key, twins + 1);
    return compileLine(level, config, twins === 0 ? key : `${key}${twins + 1}:`);
  });
}

function compileLine(level: Level, config: LimitConfig, key: string): Line {
  const per = new Set(config.per);
  const byCaller = per.has('credential') ? 'credential' : per.has('consumer') ? 'consumer' : undefined;
  const byAddress = per.has('ip');
  const rule = compileRule(config);
  return {
    name: config.name ?? nameOf(level, config),
    rule,
    lease: findLeaseTerms(rule, config.mode),
    isDryRun: config.dry_run,
    isShared: byCaller === undefined && !byAddress && level.level !== 'consumer' && level.level !== 'key',
    key,
    byCaller,
    byAddress,
    byTier: per.has('tier'),
    byLob: per.has('lob'),
    byModel: per.has('model'),
    model: level.model,
    lowerable: config.limit_claim && config,
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
  const wanted = readAmount(Object.hasOwn(claims, claim) ? claims[claim] : undefined);
  const limit = Math.min(config.limit, max, wanted ?? config.limit);
  if (wanted === undefined || limit === config.limit) return line;
  const { window, algorithm, mode } = config;
  const burst = config.burst && { burst: Math.max(1, Math.floor((config.burst * limit) / config.limit)) };
  const rule = compileRule({ limit, window, algorithm, ...burst });
  return { ...line, rule, lease: findLeaseTerms(rule, mode) };
}

/** A claim of less than one request counts as one: a limit cannot say "never". */
function readAmount(claim: ClaimValue | undefined): number | undefined {
  const amount = typeof claim === 'string' && /^\d{1,9}$/.test(claim) ? Number(claim) : claim;
  return typeof amount === 'number' && !Number.isNaN(amount) ? Math.max(1, Math.floor(amount)) : undefined;
}

function nameOf(level: Level, config: LimitConfig): string {
  const split = config.per.length === 1 && config.per[0] === 'consumer' ? '' : `:${config.per.join('+')}`;
  return `${level.level}:${formatDuration(config.window)}${split}`;
}

function keyOf(level: Level, config: LimitConfig, place: LinePlace): string {
  const per = [...config.per].sort();
  const parts = [level.level, escapeKey(level.id), config.name ?? '', config.window, per.join('+'), config.algorithm];
  if (per.includes('route')) parts.push(`route=${escapeKey(place.route)}`);
  if (per.includes('service')) parts.push(`service=${escapeKey(place.service ?? '')}`);
  return `${parts.join(':')}:`;
}

/**
 * A value that may stand in a key: short and harmless ones as they are, so that an operator can read the keys, all
 * others as their SHA-256. No two values give the same text, and none can end a part of the key or choose its slot.
 */
export function escapeKey(value: string): string {
  if (/^[\w.:/-]{0,64}$/.test(value)) return value;
  return `~${createHash('sha256').update(value).digest('base64url')}`;
}
