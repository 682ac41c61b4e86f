import type { Line } from './line.ts';
import type { Verdict } from './rule.ts';

/** What one request takes from one line. */
export interface Charge {
  readonly line: Line;
  /** Identifies the count across processes. Contains only what `escapeKey` lets through, and hash tags. */
  readonly key: string;
  readonly cost: number;
}

/**
 * All lines of a request decided together. `admitted`: every line that admitted was charged (a dry-run line may not
 * have). `refused`: nothing was charged anywhere. `unavailable`: the store does not answer and the configuration
 * prefers refusing to guessing. Verdicts stand in the order of the charges; `undefined` where a line was not asked.
 */
export interface Decision {
  readonly outcome: 'admitted' | 'refused' | 'unavailable';
  readonly verdicts: readonly (Verdict | undefined)[];
}

export interface CounterStore {
  /** False: `peek` has nothing to say to anybody, and the charges need not be prepared for it. */
  readonly hasDenials: boolean;
  /** A refusal that is certain without asking the store; `undefined` decides nothing. */
  peek(charges: readonly Charge[]): Decision | undefined;
  /** Never rejects, and never waits more than 100 ms for a store. Synchronous when the counts are in this process. */
  decide(charges: readonly Charge[]): Decision | Promise<Decision>;
  /** Why the counts are not shared at the moment; `undefined` while all is well. */
  readonly degraded: string | undefined;
  close(): Promise<void>;
}
