import { type Answer, UpstreamFailure } from '../../upstream/attempt.ts';
import type { Target } from '../../upstream/targets.ts';
import type { RetryRule } from './retry-rules.ts';

interface NextStep {
  readonly rule: RetryRule;
  readonly waitMs?: number | undefined;
  readonly mayFallBack: boolean;
}

/** An attempt without a usable answer. It is an error only because p-retry is told of failures by throwing. */
export class FailedAttempt extends Error {
  readonly target: Target;
  /** An answer whose status asks for a retry, still paused, or why there is none. */
  readonly result: Answer | UpstreamFailure;
  readonly rule: RetryRule;
  /** What the answer's `Retry-After` asks for. */
  readonly waitMs: number | undefined;
  readonly mayFallBack: boolean;

  constructor(target: Target, result: Answer | UpstreamFailure, { rule, waitMs, mayFallBack }: NextStep) {
    super('attempt failed');
    this.target = target;
    this.result = result;
    this.rule = rule;
    this.waitMs = waitMs;
    this.mayFallBack = mayFallBack;
  }

  /** A closed word for the metric. */
  get reason(): string {
    return this.result instanceof UpstreamFailure ? this.result.kind : `status_${this.result.status}`;
  }
}
