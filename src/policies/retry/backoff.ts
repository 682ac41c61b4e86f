import type { RetryConfig } from './schema.ts';

/**
 * Milliseconds to wait before retry number `retry` (from 1): "full jitter", evenly spread between 0 and a bound that
 * doubles (M. Brooker, "Exponential Backoff And Jitter", 2015). p-retry's own jitter only spreads between 1× and 2×.
 */
export function backoffMs(retry: number, { initial, max }: RetryConfig['backoff'], random: () => number): number {
  return random() * Math.min(max, initial * 2 ** (retry - 1));
}
