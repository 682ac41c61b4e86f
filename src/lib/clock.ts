/** The two clocks of a process, injected so that tests can move time. */
export interface Clock {
  /** Epoch milliseconds, for stored or displayed times. Never for measuring a wait, because this clock may jump. */
  now(): number;
  /** Milliseconds that only ever grow: for deadlines and durations. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
