// Room counters: counts what limits and budgets are charged, exactly and atomically.
// In it: stores in memory, in Redis and between processes, the four algorithms, the Lua scripts.
// Never in it: callers and routes; a counter has a key and does not know its owner.

import type { HoldChange } from './rules/calendar-window.ts';
import type { Line } from './line.ts';
import type { Taking, Verdict } from './rules/rule.ts';
import type { Wanted } from './rules/step.ts';

/** One count: the limit, and its owner. */
export interface Counted {
  readonly line: Line;
  /** Identifies the count across processes. Contains only what `escapeKey` lets through, and hash tags. */
  readonly key: string;
}

/** What one request takes from one line. */
export interface Charge extends Counted, Taking {}

/**
 * All lines of a request decided together. `admitted`: every line that admitted was charged (a dry-run line may not
 * have). `refused`: nothing was charged anywhere. `unavailable`: the store does not answer and the configuration
 * prefers refusing to guessing. Verdicts stand in the order of the charges; `undefined` where a line was not asked.
 */
export interface Decision {
  readonly outcome: 'admitted' | 'refused' | 'unavailable';
  readonly verdicts: readonly (Verdict | undefined)[];
  /** When the store counted it, by the store's clock: what a later `Correction` names. `undefined`: it did not. */
  readonly at?: number | undefined;
  /** The same for those of the charges that were not taken out of what this process held; what a reservation is known by. */
  readonly storeAt?: number | undefined;
  /** Not `undefined` for a charge that was taken out of what this process held, and which is therefore no reservation. */
  readonly advanced?: readonly unknown[] | undefined;
}

/** A correction after a charge: the use was higher or lower. */
export interface Correction extends Counted {
  /** Whole units. Above 0 they are taken, beyond the limit where need be; below 0 they are given back. */
  readonly units: number;
  /** `Decision.at` of the charge. Without it nothing can be given back. */
  readonly at: number | undefined;
  /** Ends or renews what was reserved at `at`. */
  readonly change?: HoldChange | undefined;
}

export interface CounterStore {
  /** False: `peek` has nothing to say to anybody, and the charges need not be prepared for it. */
  readonly hasDenials: boolean;
  /** A refusal that is certain without asking the store; `undefined` decides nothing. */
  peek(charges: readonly Charge[]): Decision | undefined;
  /** Never rejects, and never waits more than 100 ms for a store. Synchronous when the counts are in this process. */
  decide(charges: readonly Charge[]): Decision | Promise<Decision>;
  /**
   * Corrects counts soon, without an answer. Units given back are good for others only as far as no true window can come
   * to hold more than the limit; units taken beyond the limit delay what comes later. Lost when the store is away.
   */
  adjust(corrections: readonly Correction[]): void;
  /**
   * How much is left of each count, without taking any; `undefined` where the store does not answer. Never rejects.
   */
  read(counts: readonly Counted[]): Promise<readonly (number | undefined)[]>;
  /** Why the counts are not shared at the moment; `undefined` while all is well. */
  readonly degraded: string | undefined;
  close(): Promise<void>;
}

/** Units of one count, to be taken in advance. */
export interface LeaseAsk extends Counted, Wanted {}

export interface LeaseGrant {
  /** 0 when there was nothing to give. */
  readonly units: number;
  /** When the last of them must be used, in this process's own microseconds. */
  readonly expiresAt: number;
  /** What a `Correction` that gives some back names. */
  readonly at: number;
  /** At the time of the grant; `remaining` is left for others. */
  readonly verdict: Verdict;
}

/** A store that lets units be taken in advance. */
export interface LendingStore extends CounterStore {
  /** `undefined`: the store does not answer. Never rejects. */
  lease(ask: LeaseAsk): LeaseGrant | undefined | Promise<LeaseGrant | undefined>;
  /** Forgets the known refusals of a count, because units are available again. */
  forgetDenial(key: string): void;
}
