// The whole arithmetic of limits: no clock, no randomness, no waiting. The memory store runs it, the Lua script mirrors
// it, and the oracles of the tests judge both.
import { chargeFixed, createFixed, type FixedState, weighFixed } from './fixed-window.ts';
import type { Rule, Verdict } from './rule.ts';
import { chargeSliding, createSliding, type SlidingState, weighSliding } from './sliding-window.ts';
import { type BucketState, chargeBucket, createBucket, weighBucket } from './token-bucket.ts';

export type RuleState = SlidingState | BucketState | FixedState;

/** The state of a key that nobody has used yet. It belongs to one algorithm and must be passed to no other. */
export function createState(rule: Rule): RuleState {
  switch (rule.algorithm) {
    case 'sliding_window':
      return createSliding();
    case 'token_bucket':
      return createBucket();
    case 'fixed_window':
      return createFixed();
  }
}

/**
 * What a request of `cost` at `now` (epoch microseconds) would meet. Brings the state up to `now` and charges nothing:
 * weighing any number of times changes no later answer.
 */
export function weigh(state: RuleState, rule: Rule, now: number, cost: number): Verdict {
  switch (rule.algorithm) {
    case 'sliding_window':
      return weighSliding(state as SlidingState, rule, now, cost);
    case 'token_bucket':
      return weighBucket(state as BucketState, rule, now, cost);
    case 'fixed_window':
      return weighFixed(state as FixedState, rule, now, cost);
  }
}

/** Charges what `weigh` has just admitted with the same arguments, and brings its verdict up to date. */
export function charge(state: RuleState, rule: Rule, now: number, cost: number, verdict: Verdict): void {
  switch (rule.algorithm) {
    case 'sliding_window':
      return chargeSliding(state as SlidingState, rule, now, cost, verdict);
    case 'token_bucket':
      return chargeBucket(state as BucketState, rule, now, cost, verdict);
    case 'fixed_window':
      return chargeFixed(state as FixedState, rule, now, cost, verdict);
  }
}

/** One request against one rule: weighed, and charged when admitted. Only `state` changes. */
export function step(state: RuleState, rule: Rule, now: number, cost: number): Verdict {
  const verdict = weigh(state, rule, now, cost);
  if (verdict.admitted) charge(state, rule, now, cost, verdict);
  return verdict;
}
