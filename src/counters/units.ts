import { costOf } from '../exchange/cost-of.ts';
import type { ModelCall, TokenUsage } from '../exchange/model-call.ts';
import type { LimitConfig } from '../policies/limits/schema.ts';

/** What a line counts. Money is counted in billionths of a dollar, all else in ones: whole numbers throughout. */
export type Unit = LimitConfig['count'];

const NANO = 1_000_000_000;

/** The written amount in the whole numbers that are counted; at least 1. */
export function toUnits(amount: number, unit: Unit): number {
  return unit === 'cost_usd' ? Math.max(1, Math.round(amount * NANO)) : amount;
}

/** The counted unit in words. */
export function fromUnits(units: number, unit: Unit): number {
  return unit === 'cost_usd' ? units / NANO : units;
}

/**
 * The most a call may come to before anything is known of its answer. Money is that of the dearest model that may
 * answer or that a tool may ask, so that none of them can spend more than was reserved.
 */
export function reservedUnits(call: ModelCall, unit: Exclude<Unit, 'requests'>): number {
  const { estimatedInputTokens: inputTokens, maxOutputTokens: outputTokens, assumedKinds: kinds, serviceTier } = call;
  return unitsOf({ inputTokens, outputTokens, isEstimated: true, kinds, serviceTier }, call, unit);
}

/** What so much more output may come to. */
export function outputUnits(tokens: number, call: ModelCall, unit: Exclude<Unit, 'requests'>): number {
  const { serviceTier } = call;
  return unitsOf({ inputTokens: 0, outputTokens: tokens, isEstimated: true, serviceTier }, call, unit);
}

function unitsOf(usage: TokenUsage, { candidates, ofTools }: ModelCall, unit: Exclude<Unit, 'requests'>): number {
  if (unit === 'tokens') return usage.inputTokens + usage.outputTokens;
  let most = 0;
  for (const model of candidates) most = Math.max(most, costOf(model, usage));
  for (const model of ofTools) most = Math.max(most, costOf(model, usage));
  return most;
}
