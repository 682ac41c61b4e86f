import { systemClock } from '../../src/lib/clock.ts';
import type { CounterStore } from '../../src/counters/counter-store.ts';
import { type CounterOptions, openCounters } from '../../src/counters/open-counters.ts';

export interface ObservedStore {
  readonly store: CounterStore;
  /** `up`, or `down <reason>`, in order. */
  readonly states: string[];
  readonly flushes: () => number;
}

/** Counters as a process opens them, with everything they report written down. */
export async function openObserved(
  redisUrl: string,
  prefix: string,
  options: Partial<CounterOptions> = {},
): Promise<ObservedStore> {
  const states: string[] = [];
  let flushes = 0;
  const store = await openCounters({
    clock: systemClock,
    redisUrl,
    prefix,
    onStoreFailure: () => 'local',
    onState: (isUp, reason) => states.push(isUp ? 'up' : `down ${reason}`),
    onFlushed: () => (flushes += 1),
    ...options,
  });
  return { store, states, flushes: () => flushes };
}
