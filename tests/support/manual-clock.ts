import type { Clock } from '../../src/lib/clock.ts';

export interface ManualClock extends Clock {
  /** Moves both clocks on. */
  advance(ms: number): void;
}

/** A clock that stands still until it is told otherwise. It begins at a real date, as stored times do. */
export function makeManualClock(): ManualClock {
  let passed = 0;
  const start = Date.UTC(2026, 0, 1);
  return {
    now: () => start + passed,
    monotonic: () => 1000 + passed,
    advance: (ms) => {
      passed += ms;
    },
  };
}
