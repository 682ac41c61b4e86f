import type { Rule, Taking, Verdict } from './rule.ts';

/** Requests since the last whole multiple of the window. */
export interface FixedState {
  /** Number of the window since the epoch. */
  index: number;
  count: number;
}

export function createFixed(): FixedState {
  return { index: 0, count: 0 };
}

/** Moves to the current window and says what a request of this cost would meet. Charges nothing. */
export function weighFixed(state: FixedState, rule: Rule, now: number, cost: number): Verdict {
  const index = Math.floor(now / rule.windowUs);
  // A clock that went back within the last window stays in the newer one: going back must not give a second allowance.
  if (index > state.index || index < state.index - 1) {
    state.index = index;
    state.count = 0;
  }
  const remaining = rule.capacity - state.count;
  const untilNext = (state.index + 1) * rule.windowUs - now;
  return {
    admitted: cost <= remaining,
    remaining: Math.max(0, remaining),
    resetUs: state.count === 0 ? 0 : untilNext,
    retryUs: cost <= remaining ? 0 : untilNext,
  };
}

/**
 * Counts an admitted request; `verdict` is what `weighFixed` said at the same `now`. What is held must be used before
 * the window ends, that is within `verdict.resetUs`.
 */
export function chargeFixed(state: FixedState, rule: Rule, now: number, { cost }: Taking, verdict: Verdict): void {
  state.count += cost;
  verdict.remaining = Math.max(0, verdict.remaining - cost);
  verdict.resetUs = (state.index + 1) * rule.windowUs - now;
}

/** Gives back what was counted at `at`, unless the window of that moment is over. */
export function refundFixed(state: FixedState, rule: Rule, now: number, units: number, at: number): void {
  weighFixed(state, rule, now, 0);
  if (Math.floor(at / rule.windowUs) === state.index) state.count = Math.max(0, state.count - units);
}
