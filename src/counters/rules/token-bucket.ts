import type { Rule, Taking, Verdict } from './rule.ts';

const MILLI = 1000;

/** A bucket that refills evenly. `fraction` / `gainUs` is the part of a thousandth gained so far: nothing is ever rounded away. */
export interface BucketState {
  milliTokens: number;
  fraction: number;
  /** When the two above are true. It lies ahead while units are held: until then the bucket is seen refilling towards it. */
  at: number;
}

/** A new bucket is full: infinitely long ago it last gave something. */
export function createBucket(): BucketState {
  return { milliTokens: 0, fraction: 0, at: Number.NEGATIVE_INFINITY };
}

/** Refills, and says what a request of this cost would meet. Charges nothing. */
export function weighBucket(state: BucketState, rule: Rule, now: number, cost: number): Verdict {
  refill(state, rule, now);
  const retryUs = findWait(state, rule, now, cost * MILLI);
  return {
    admitted: retryUs === 0,
    remaining: countLeft(state, rule, now),
    resetUs: findWait(state, rule, now, rule.capacity * MILLI),
    retryUs,
  };
}

/**
 * Takes the tokens of an admitted request; `verdict` is what `weighBucket` said at the same `now`. Tokens that are held
 * are taken from the bucket as it will be at the end of that time: it never holds so many that they and the held ones
 * together were more than the bucket takes.
 */
export function chargeBucket(state: BucketState, rule: Rule, now: number, taking: Taking, verdict: Verdict): void {
  const { cost, holdUs = 0 } = taking;
  if (holdUs > 0) refill(state, rule, now + holdUs);
  state.milliTokens -= cost * MILLI;
  verdict.remaining = countLeft(state, rule, now);
  verdict.resetUs = findWait(state, rule, now, rule.capacity * MILLI);
}

/**
 * Gives back what was taken at `at`, less what has flowed in since: without the taking the bucket might have been full, and
 * then that would have been lost.
 */
export function refundBucket(state: BucketState, rule: Rule, now: number, units: number, at: number): void {
  refill(state, rule, now);
  const elapsed = Math.max(0, now - at);
  const periods = Math.floor(elapsed / rule.gainUs);
  const part = Math.ceil(((elapsed - periods * rule.gainUs) * rule.gain) / rule.gainUs);
  const full = rule.capacity * MILLI;
  state.milliTokens += Math.max(0, units * MILLI - periods * rule.gain - part);
  if (state.milliTokens >= full) fill(state, full, state.at);
}

function refill(state: BucketState, rule: Rule, now: number): void {
  const full = rule.capacity * MILLI;
  const elapsed = now - state.at;
  // Long enough to fill from empty, or a clock that jumped back so far that the state says nothing about the present.
  const isOver = elapsed > rule.horizonUs && state.milliTokens >= 0;
  if (isOver || -elapsed > rule.horizonUs) return fill(state, full, now);
  if (elapsed < 0) return;
  const fraction = Math.min(state.fraction, rule.gainUs - 1);
  const periods = Math.floor(elapsed / rule.gainUs);
  const parts = (elapsed - periods * rule.gainUs) * rule.gain + fraction;
  const whole = Math.floor(parts / rule.gainUs);
  const gained = periods * rule.gain + whole;
  if (gained >= full - state.milliTokens) return fill(state, full, now);
  state.milliTokens += gained;
  state.fraction = parts - whole * rule.gainUs;
  state.at = now;
}

function fill(state: BucketState, full: number, at: number): void {
  state.milliTokens = full;
  state.fraction = 0;
  state.at = at;
}

/** Whole tokens at `now`, which is `state.at` or before it. */
function countLeft(state: BucketState, rule: Rule, now: number): number {
  const lag = state.at - now;
  const periods = Math.floor(lag / rule.gainUs);
  const part = Math.floor((state.fraction - (lag - periods * rule.gainUs) * rule.gain) / rule.gainUs);
  return Math.max(0, Math.floor((state.milliTokens - periods * rule.gain + part) / MILLI));
}

/** Time until the bucket holds so many thousandths; split so that no product leaves the exact range. */
function findWait(state: BucketState, rule: Rule, now: number, wanted: number): number {
  const missing = wanted - state.milliTokens;
  const periods = Math.floor(missing / rule.gain);
  const rest = missing - periods * rule.gain;
  const last = Math.ceil((rest * rule.gainUs - state.fraction) / rule.gain);
  return Math.max(0, state.at - now + periods * rule.gainUs + last);
}
