import type { Clock } from '../../src/lib/clock.ts';

export interface ManualClock extends Clock {
  /** Moves both clocks on. */
  advance(ms: number): void;
}

/** A clock that moves only when a test moves it. It starts at a real date, like stored times. */
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
