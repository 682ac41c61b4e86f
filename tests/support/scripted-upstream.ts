import { systemClock } from '../../src/lib/clock.ts';
import { createRetryingSend } from '../../src/policies/retry/retry.policy.ts';
import { RetryBudget } from '../../src/policies/retry/retry-budget.ts';
import type { RetryConfig } from '../../src/policies/retry/schema.ts';
import { type Attempt, type FailureKind, type Send, UpstreamFailure } from '../../src/upstream/attempt.ts';
import { type BuiltAnswer, buildAnswer } from './answer-builder.ts';
import { buildService } from './target-builder.ts';

/** What one attempt brings: a status, a status with headers, or a failure. */
type Step = number | [status: number, ...headers: string[]] | Error;

const CONFIG: RetryConfig = { attempts: 3, backoff: { initial: 1, max: 2 }, budget_percent: 10, methods: 'idempotent' };

export const unsent = (kind: FailureKind = 'refused') => new UpstreamFailure(kind, false);
export const sent = (kind: FailureKind = 'reset') => new UpstreamFailure(kind, true);

/** An upstream that follows a script, and the outcome of the retries in front of it. */
export class ScriptedUpstream {
  /** The target of every attempt; `model at target` where a model is asked. */
  readonly calls: string[] = [];
  readonly answers: BuiltAnswer[] = [];
  /** Why there were retries, in the words of the metric. */
  readonly reasons: string[] = [];

  /** A send whose attempts follow the script, by turn (after its end they answer 200) or by who is called. */
  sendOf(
    script: readonly Step[] | ((call: string) => Step),
    service = buildService(['a:80']),
    config: Partial<RetryConfig> = {},
  ): Send {
    const retrying: RetryConfig = { ...CONFIG, ...config };
    return createRetryingSend({
      config: retrying,
      targets: service,
      budget: new RetryBudget(retrying.budget_percent),
      metrics: { retry: (reason) => void this.reasons.push(reason) },
      clock: systemClock,
      attempt: this.play(typeof script === 'function' ? script : inTurn([...script])),
    });
  }

  private play(stepFor: (call: string) => Step): Attempt {
    return async ({ model }, target) => {
      const call = model ? `${model.model.name} at ${target.name}` : target.name;
      this.calls.push(call);
      const step = stepFor(call);
      if (step instanceof Error) throw step;
      const [status, ...headers] = typeof step === 'number' ? [step] : step;
      const answer = buildAnswer(target, status, headers);
      this.answers.push(answer);
      return answer;
    };
  }
}

function inTurn(steps: Step[]): () => Step {
  return () => steps.shift() ?? 200;
}
