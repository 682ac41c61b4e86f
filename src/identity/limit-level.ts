import type { LimitLevel } from '../exchange/principal.ts';
import type { StoredBudget, StoredLimits, StoredRateLimit } from './consumers.ts';
import { parseJson } from './json-column.ts';

/** What the columns of a consumer or key say of its limits. */
export function storedLimits(row: {
  readonly rate_limit: string | null;
  readonly budget: string | null;
}): StoredLimits {
  return { rate_limit: parseJson<StoredRateLimit>(row.rate_limit), budget: parseJson<StoredBudget>(row.budget) };
}

/** The limit level of a consumer or key; none if no limits are written on it. */
export function limitLevel(level: LimitLevel['level'], id: string, written: StoredLimits): LimitLevel[] {
  const { rate_limit, budget } = written;
  return rate_limit || budget ? [{ level, id, rate_limit: rate_limit ?? NO_LIMITS, budget }] : [];
}

const NO_LIMITS = Object.freeze({ limits: Object.freeze([]) });
