import type { Rule, Verdict } from './rule.ts';

const MILLI = 1000;

/** A bucket that refills evenly. `fraction` / `gainUs` is the part of a thousandth gained so far: nothing is ever rounded away. */
export interface BucketState {
  milliTokens: number;
  fraction: number;
  /** When the two above were true. */
  at: number;
}

/** A new bucket is full: infinitely long ago it last gave something. */
export function createBucket(): BucketState {
  return { milliTokens: 0, fraction: 0, at: Number.NEGATIVE_INFINITY };
}

/** Refills, and says what a request of this cost would meet. Charges nothing. */
export function weighBucket(state: BucketState, rule: Rule, now: number, cost: number): Verdict {
  refill(state, rule, now);
  const missing = cost * MILLI - state.milliTokens;
  return {
    admitted: missing <= 0,
    remaining: Math.floor(state.milliTokens / MILLI),
    resetUs: findWait(state, rule, now, rule.capacity * MILLI - state.milliTokens),
    retryUs: missing <= 0 ? 0 : findWait(state, rule, now, missing),
  };
}

/** Takes the tokens of an admitted request; `verdict` is what `weighBucket` said at the same `now`. */
export function chargeBucket(state: BucketState, rule: Rule, now: number, cost: number, verdict: Verdict): void {
  state.milliTokens -= cost * MILLI;
  verdict.remaining -= cost;
  verdict.resetUs = findWait(state, rule, now, rule.capacity * MILLI - state.milliTokens);
}

function refill(state: BucketState, rule: Rule, now: number): void {
  const full = rule.capacity * MILLI;
  const elapsed = now - state.at;
  // Long enough to fill from empty, or a clock that jumped back so far that the state says nothing about the present.
  if (elapsed > rule.horizonUs || -elapsed > rule.horizonUs) return fill(state, full, now);
  const fraction = Math.min(state.fraction, rule.gainUs - 1);
  const periods = elapsed > 0 ? Math.floor(elapsed / rule.gainUs) : 0;
  const parts = (elapsed > 0 ? elapsed - periods * rule.gainUs : 0) * rule.gain + fraction;
  const whole = Math.floor(parts / rule.gainUs);
  const gained = periods * rule.gain + whole;
  const at = Math.max(now, state.at);
  if (gained >= full - state.milliTokens) return fill(state, full, at);
  state.milliTokens += gained;
  state.fraction = parts - whole * rule.gainUs;
  state.at = at;
}

function fill(state: BucketState, full: number, at: number): void {
  state.milliTokens = full;
  state.fraction = 0;
  state.at = at;
}

/** Time until `missing` thousandths have been gained; split so that no product leaves the exact range. */
function findWait(state: BucketState, rule: Rule, now: number, missing: number): number {
  if (missing <= 0) return 0;
  const periods = Math.floor(missing / rule.gain);
  const rest = missing - periods * rule.gain;
  return state.at - now + periods * rule.gainUs + Math.ceil((rest * rule.gainUs - state.fraction) / rule.gain);
}
