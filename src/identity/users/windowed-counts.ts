import { createBoundedCache } from '../../lib/bounded-cache.ts';
import type { Clock } from '../../lib/clock.ts';

/** So many events per window, both above 0. */
export interface CountRule {
  readonly limit: number;
  /** Milliseconds. */
  readonly window: number;
}

const MOST_KEYS = 50_000;

/** Events per key, in windows that begin with the first of them; only the 50,000 keys that were counted last are kept. */
export class WindowedCounts {
  /** May be replaced; windows that run keep their end. */
  rule: CountRule;
  private readonly clock: Clock;
  private readonly counts = createBoundedCache<string, { events: number; readonly windowEnd: number }>(MOST_KEYS);

  constructor(rule: CountRule, clock: Clock) {
    this.rule = rule;
    this.clock = clock;
  }

  /** Milliseconds until the key is below its limit again; 0 when it is. */
  waitFor(key: string): number {
    const count = this.counts.get(key);
    if (!count || count.events < this.rule.limit) return 0;
    return Math.max(0, count.windowEnd - this.clock.monotonic());
  }

  add(key: string): void {
    const now = this.clock.monotonic();
    const count = this.counts.get(key);
    if (count && now < count.windowEnd) count.events += 1;
    else this.counts.set(key, { events: 1, windowEnd: now + this.rule.window });
  }

  forget(key: string): void {
    this.counts.delete(key);
  }
}
