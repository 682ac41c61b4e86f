import type { Rule } from './rules/rule.ts';
import type { LimitConfig } from '../policies/limits/schema.ts';

/** How units of a rule are taken in advance. */
export interface LeaseTerms {
  /** Microseconds from the taking for which they may be used. */
  readonly lifeUs: number;
  /** Units used within one life from which on taking them in advance pays; infinite where it is not wanted. */
  readonly from: number;
}

const LONGEST_LIFE_US = 1_000_000;
/** Units count as used at the end of their life, so this is the part of a window by which they may count too long. */
const LIVES_PER_WINDOW = 100;
const LIVES_PER_FILLING = 10;
/** A shorter life would often be over when the answer of the store arrives. */
const SHORTEST_LIFE_US = 5_000;
/** Below it asking for every request costs little, and a process that is killed would take much of the limit with it. */
const SMALL_LIMIT = 1_000;
const FROM: Readonly<Record<LimitConfig['mode'], number>> = { strict: Number.POSITIVE_INFINITY, auto: 4, leased: 2 };

export function findLeaseTerms(rule: Rule, mode: LimitConfig['mode']): LeaseTerms {
  const filling = rule.algorithm === 'token_bucket' ? rule.horizonUs / LIVES_PER_FILLING : rule.windowUs;
  const lifeUs = Math.floor(Math.min(LONGEST_LIFE_US, rule.windowUs / LIVES_PER_WINDOW, filling));
  const isTooShort = lifeUs < SHORTEST_LIFE_US || (mode === 'auto' && rule.capacity < SMALL_LIMIT);
  return { lifeUs, from: isTooShort ? Number.POSITIVE_INFINITY : FROM[mode] };
}

/**
 * The same where taking in advance is the only way to count at all: the shared limits of a Redis Cluster. The life is long
 * enough for the answer of the store to arrive, and for what else the request waits for.
 */
export function findForcedTerms(rule: Rule, terms: LeaseTerms): LeaseTerms {
  const enough = Math.min(100_000, rule.windowUs / 4, rule.horizonUs / 4);
  return terms.lifeUs >= enough
    ? { ...terms, from: 2 }
    : { lifeUs: Math.floor(enough), from: Number.POSITIVE_INFINITY };
}
