import { findPeriod, type Every } from './period.ts';
import type { LimitConfig } from '../../policies/limits/schema.ts';

export type AlgorithmName = LimitConfig['algorithm'];

/** A limit as the algorithms see it. Whole numbers only: times in microseconds, tokens in thousandths. */
export interface Rule {
  /** `calendar`: the day or month of a budget. */
  readonly algorithm: AlgorithmName | 'calendar';
  readonly limit: number;
  readonly windowUs: number;
  /** The most that can be admitted at one moment: `burst` of a token bucket, else the limit. */
  readonly capacity: number;
  /** A cell of a sliding window is full with this many requests … */
  readonly cellSize: number;
  /** … and takes none when it is this old. */
  readonly cellUs: number;
  /** A token bucket gains `gain` thousandths of a token every `gainUs`. Their product stays below 2^52. */
  readonly gain: number;
  readonly gainUs: number;
  /** After this long without a request the state is as new: what a store may forget. */
  readonly horizonUs: number;
  /** When the day or month of a `calendar` is over, epoch microseconds; 0 for all others. */
  readonly endUs: number;
}

/** What one rule says to one request. Times count from the moment of the decision. */
export interface Verdict {
  admitted: boolean;
  /** What is left, after this request if it was charged. Never negative. */
  remaining: number;
  /** Until the limit has fully recovered. */
  resetUs: number;
  /** 0 when admitted; else the wait after which the same request is admitted if nothing else was meanwhile. */
  retryUs: number;
}

/** Up to this many requests per window each has a cell of its own: a sliding window is then an exact log. */
const MAX_EXACT = 120;
const CELLS_BY_COUNT = 100;
const CELLS_BY_TIME = 20;

/** Above this a product of two whole numbers, plus one of them, would no longer be exact in a double. */
const MAX_PRODUCT = 2 ** 52;

/** An amount charged to a rule. */
export interface Taking {
  readonly cost: number;
  /**
   * Microseconds for which the units may still be used. They are gone at once, and count as used at the end of that time
   * at the latest, so that no true window can hold more of them than the limit. Default 0: used now.
   */
  readonly holdUs?: number;
  /** Only set aside: on a `calendar` it is free again after two minutes, unless it is renewed. */
  readonly isReserved?: boolean;
}

export function compileRule(config: Pick<LimitConfig, 'limit' | 'window' | 'algorithm' | 'burst'>): Rule {
  const windowUs = Math.round(config.window * 1000);
  const isBucket = config.algorithm === 'token_bucket';
  const capacity = isBucket ? (config.burst ?? config.limit) : config.limit;
  const { gain, gainUs } = reduceRate(config.limit * 1000, windowUs);
  const horizonUs = isBucket ? Math.ceil((capacity * 1000) / gain) * gainUs : windowUs;
  return {
    algorithm: config.algorithm,
    limit: config.limit,
    windowUs,
    capacity,
    cellSize: config.limit <= MAX_EXACT ? 1 : Math.ceil(config.limit / CELLS_BY_COUNT),
    cellUs: Math.ceil(windowUs / CELLS_BY_TIME),
    gain,
    gainUs,
    horizonUs,
    endUs: 0,
  };
}

/** A budget of so many units in the day or month to which `now` (epoch milliseconds) belongs. */
export function compileCalendar(limit: number, every: Every, now: number): Rule {
  const { from, to } = findPeriod(every, now);
  const windowUs = (to - from) * 1000;
  const unused = { cellSize: 0, cellUs: 0, gain: 0, gainUs: 1 };
  return { algorithm: 'calendar', limit, windowUs, capacity: limit, ...unused, horizonUs: windowUs, endUs: to * 1000 };
}

/**
 * `milliTokens` per `periodUs` in lowest terms. Where the terms are still too big for exact arithmetic they are scaled
 * down towards the slower rate, by less than 0.4 % in the worst case: a limit may be tightened, never loosened.
 */
function reduceRate(milliTokens: number, periodUs: number): { gain: number; gainUs: number } {
  const divisor = findGreatestCommonDivisor(milliTokens, periodUs);
  const gain = milliTokens / divisor;
  const gainUs = periodUs / divisor;
  if (gain * gainUs <= MAX_PRODUCT) return { gain, gainUs };
  const scale = Math.sqrt((gain * gainUs) / MAX_PRODUCT);
  return { gain: Math.max(1, Math.floor(gain / scale)), gainUs: Math.ceil(gainUs / scale) };
}

function findGreatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : findGreatestCommonDivisor(b, a % b);
}
