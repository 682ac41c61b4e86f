import type { Rule } from '../../src/counters/rules/rule.ts';
import { createExactBucket, createExactFixed, findFullestWindow } from './limit-oracles.ts';

/**
 * How many units too many were used at these sorted times: beyond the limit in some true window, or beyond what one exact
 * bucket, or one counter per whole window, would have given at the very moments of use.
 */
export function findExcess(rule: Rule, times: readonly number[]): number {
  if (rule.algorithm === 'sliding_window') return Math.max(0, findFullestWindow(times, rule.windowUs) - rule.limit);
  const oracle =
    rule.algorithm === 'token_bucket' ? createExactBucket({ ...rule, burst: rule.capacity }) : createExactFixed(rule);
  return times.filter((at) => !oracle(at)).length;
}
