// The whole arithmetic of limits: no clock, no randomness, no waiting. The memory store runs it, the Lua script mirrors
// it, and the oracles of the tests judge both.
import {
  type CalendarState,
  chargeCalendar,
  correctCalendar,
  createCalendar,
  type HoldChange,
  weighCalendar,
} from './calendar-window.ts';
import { chargeFixed, createFixed, type FixedState, refundFixed, weighFixed } from './fixed-window.ts';
import type { Rule, Taking, Verdict } from './rule.ts';
import { chargeSliding, createSliding, refundSliding, type SlidingState, weighSliding } from './sliding-window.ts';
import { type BucketState, chargeBucket, createBucket, refundBucket, weighBucket } from './token-bucket.ts';

export type RuleState = SlidingState | BucketState | FixedState | CalendarState;

/** The state of an unused key. It belongs to one algorithm and must not be passed to another. */
export function createState(rule: Rule): RuleState {
  switch (rule.algorithm) {
    case 'sliding_window':
      return createSliding();
    case 'token_bucket':
      return createBucket();
    case 'fixed_window':
      return createFixed();
    case 'calendar':
      return createCalendar();
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
    case 'calendar':
      return weighCalendar(state as CalendarState, rule, now, cost);
  }
}

/** Charges what `weigh` has just admitted with the same arguments, and brings its verdict up to date. */
export function charge(state: RuleState, rule: Rule, now: number, taking: Taking, verdict: Verdict): void {
  switch (rule.algorithm) {
    case 'sliding_window':
      return chargeSliding(state as SlidingState, rule, now, taking, verdict);
    case 'token_bucket':
      return chargeBucket(state as BucketState, rule, now, taking, verdict);
    case 'fixed_window':
      return chargeFixed(state as FixedState, rule, now, taking, verdict);
    case 'calendar':
      return chargeCalendar(state as CalendarState, rule, now, taking, verdict);
  }
}

/** One request against one rule: weighed, and charged when admitted. Only `state` changes. */
export function step(state: RuleState, rule: Rule, now: number, cost: number): Verdict {
  const verdict = weigh(state, rule, now, cost);
  if (verdict.admitted) charge(state, rule, now, { cost }, verdict);
  return verdict;
}

/** How much to take in advance. */
export interface Wanted {
  /** Taken if there is anything at all, as far as it goes. */
  readonly need: number;
  /** Taken as far as one `share`th of what is left goes; the rest stays for others. */
  readonly want: number;
  readonly share: number;
  readonly holdUs: number;
}

/** Takes units in advance: `granted` of them, 0 if the verdict is a refusal. */
export function lend(state: RuleState, rule: Rule, now: number, wanted: Wanted): { granted: number; verdict: Verdict } {
  const { remaining } = weigh(state, rule, now, 1);
  const shared = Math.min(wanted.want, Math.floor(remaining / wanted.share));
  const cost = Math.max(shared, Math.min(wanted.need, remaining));
  const verdict = weigh(state, rule, now, cost > 0 ? cost : remaining + 1);
  if (verdict.admitted) charge(state, rule, now, { cost, holdUs: wanted.holdUs }, verdict);
  return { granted: verdict.admitted ? cost : 0, verdict };
}

/** The moment at which units taken at `now` count as used; a correction must name it. */
export function findCountedAt(rule: Rule, now: number, holdUs: number): number {
  return rule.algorithm === 'fixed_window' || rule.algorithm === 'calendar' ? now : now + holdUs;
}

/** Corrects a charge once the actual use is known. */
export interface Finding {
  readonly units: number;
  readonly at: number;
  readonly change?: HoldChange | undefined;
}

/**
 * Takes `units` more, beyond the limit where need be, or, where they are negative, gives back what was counted at `at`.
 * What has left the window since is not given back. `change` is for reservations, which only a `calendar` has.
 */
export function correct(state: RuleState, rule: Rule, now: number, { units, at, change }: Finding): void {
  if (rule.algorithm === 'calendar') return correctCalendar(state as CalendarState, now, units, { at, change });
  if (units >= 0) return charge(state, rule, now, { cost: units }, weigh(state, rule, now, units));
  switch (rule.algorithm) {
    case 'sliding_window':
      return refundSliding(state as SlidingState, rule, now, -units, at);
    case 'token_bucket':
      return refundBucket(state as BucketState, rule, now, -units, at);
    case 'fixed_window':
      return refundFixed(state as FixedState, rule, now, -units, at);
  }
}
