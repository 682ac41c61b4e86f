import { setTimeout as sleep } from 'node:timers/promises';
import pRetry, { AbortError } from 'p-retry';
import { GatewayError } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Clock } from '../../lib/clock.ts';
import { type Answer, type Attempt, type Send, UpstreamFailure } from '../../upstream/attempt.ts';
import { unavailable } from '../../upstream/classify.ts';
import type { ServiceTargets, Target } from '../../upstream/targets.ts';
import { defineSendPolicy } from '../policy.ts';
import { backoffMs } from './backoff.ts';
import { retryAfterMs } from './retry-after.ts';
import { RetryBudget } from './retry-budget.ts';
import { type RetryRule, repeatabilityOf, ruleForFailure, ruleForStatus } from './retry-rules.ts';
import { type RetryConfig, RetrySchema } from './schema.ts';

/** Repeats a failed call while nothing has been sent to the client; gives up with the last answer or failure. */
export const retryPolicy = defineSendPolicy({
  name: 'retry',
  phase: 'send',
  schema: RetrySchema,
  errors: ['NO_HEALTHY_TARGET', 'CIRCUIT_OPEN'],
  create: (config, deps, targets) => {
    const budget = new RetryBudget(config.budget_percent);
    const metrics = deps.metrics.service(targets.service);
    return (attempt) => createRetryingSend({ config, targets, budget, metrics, clock: deps.clock, attempt });
  },
});

/** What the retries of one service share. */
export interface RetryingService {
  readonly config: RetryConfig;
  readonly targets: ServiceTargets;
  readonly budget: RetryBudget;
  readonly metrics: { retry(reason: string): void };
  readonly clock: Clock;
  readonly attempt: Attempt;
}

const NONE: readonly Target[] = [];
/** Where no deadline bounds the exchange, an upstream that asks for more patience than this is taken at its word. */
const LONGEST_WAIT_MS = 30_000;

/** An attempt without a usable answer. It is an error only because p-retry is told of failures by throwing. */
class FailedAttempt extends Error {
  readonly target: Target;
  /** An answer whose status asks for a retry, still paused, or why there is none. */
  readonly result: Answer | UpstreamFailure;
  readonly rule: RetryRule;
  /** What the answer's `Retry-After` asks for. */
  readonly waitMs: number | undefined;

  constructor(target: Target, result: Answer | UpstreamFailure, rule: RetryRule, waitMs?: number) {
    super('attempt failed');
    this.target = target;
    this.result = result;
    this.rule = rule;
    this.waitMs = waitMs;
  }

  /** A closed word for the metric. */
  get reason(): string {
    return this.result instanceof UpstreamFailure ? this.result.kind : `status_${this.result.status}`;
  }
}

/** The send of a service with retries. p-retry is not touched before a first attempt has failed. */
export function createRetryingSend(service: RetryingService): Send {
  return async (exchange) => {
    service.budget.earn();
    const target = service.targets.pick(NONE, exchange) ?? refuse(service);
    let failed: FailedAttempt | Answer;
    try {
      const answer = await service.attempt(exchange, target);
      if (answer.status < 400) return answer;
      failed = judgeAnswer(service, exchange, answer);
    } catch (error) {
      failed = judgeError(service, exchange, target, error);
    }
    return failed instanceof FailedAttempt ? new RetryRun(service, exchange, failed).run() : failed;
  };
}

function refuse({ targets, clock }: RetryingService): never {
  throw new GatewayError(unavailable(targets, clock.monotonic()));
}

/** The answer itself when it is meant for the client. */
function judgeAnswer(service: RetryingService, exchange: Exchange, answer: Answer): FailedAttempt | Answer {
  const { config, targets, clock } = service;
  const waitMs = retryAfterMs(answer.headers, clock.now());
  const repeatability = repeatabilityOf(exchange.edge.method, targets.kind, config.methods);
  const rule = ruleForStatus(answer.status, repeatability, waitMs);
  return rule ? new FailedAttempt(answer.target, answer, rule, waitMs) : answer;
}

/** Throws the error again when it is final. */
function judgeError(service: RetryingService, exchange: Exchange, target: Target, error: unknown): FailedAttempt {
  if (!(error instanceof UpstreamFailure)) throw error;
  const repeatability = repeatabilityOf(exchange.edge.method, service.targets.kind, service.config.methods);
  const rule = ruleForFailure(error.kind, error.sent, repeatability);
  if (!rule) throw error;
  return new FailedAttempt(target, error, rule);
}

/** The attempts of one exchange after its first one failed. */
class RetryRun {
  private readonly service: RetryingService;
  private readonly exchange: Exchange;
  private readonly tried: Target[] = [];
  private readonly abort = new AbortController();
  /** Its answer is held while the next attempt is in doubt, so that the client can still have it. */
  private last: FailedAttempt;
  private hasRepeatedBilled = false;

  constructor(service: RetryingService, exchange: Exchange, first: FailedAttempt) {
    this.service = service;
    this.exchange = exchange;
    this.last = first;
  }

  async run(): Promise<Answer> {
    const { res } = this.exchange;
    const stop = (): void => this.abort.abort();
    res.once('close', stop);
    try {
      return await pRetry((attemptNumber) => this.attempt(attemptNumber), {
        retries: this.service.config.attempts - 1,
        minTimeout: 0,
        signal: this.abort.signal,
        onFailedAttempt: ({ error, attemptNumber }) => this.decide(error, attemptNumber),
      });
    } catch (error) {
      return this.conclude(error);
    } finally {
      res.off('close', stop);
    }
  }

  /** p-retry counts the attempt that brought us here as its first. */
  private async attempt(attemptNumber: number): Promise<Answer> {
    if (attemptNumber === 1) throw this.remember(this.last);
    const target = this.nextTarget();
    this.discardHeld();
    const result = await this.call(target);
    if (result instanceof FailedAttempt) throw this.remember(result);
    return result;
  }

  private async call(target: Target): Promise<FailedAttempt | Answer> {
    const { service, exchange } = this;
    try {
      return judgeAnswer(service, exchange, await service.attempt(exchange, target));
    } catch (error) {
      return judgeError(service, exchange, target, error);
    }
  }

  private remember(failed: FailedAttempt): FailedAttempt {
    if (!this.tried.includes(failed.target)) this.tried.push(failed.target);
    this.last = failed;
    return failed;
  }

  /** Looks again: what was available before the wait may be gone. An answer already in hand beats a refusal of ours. */
  private nextTarget(): Target {
    const { last, tried, service } = this;
    const target = service.targets.pick(tried, this.exchange);
    const isUseless = last.rule.where === 'elsewhere' && target !== undefined && tried.includes(target);
    if (isUseless || (!target && !(last.result instanceof UpstreamFailure))) throw new AbortError(last);
    return target ?? refuse(service);
  }

  /** Waits before the next attempt, or throws to make this failure the last one. */
  private async decide(failed: Error, attemptNumber: number): Promise<void> {
    const { service, exchange } = this;
    if (!(failed instanceof FailedAttempt) || attemptNumber >= service.config.attempts) throw failed;
    const waitMs = this.waitBefore(failed, attemptNumber);
    if (waitMs >= Math.min(exchange.deadline.remainingMs(), LONGEST_WAIT_MS)) throw failed;
    if (!this.mayRepeat(failed.rule) || !service.budget.spend()) throw failed;
    this.hasRepeatedBilled ||= failed.rule.mayBeBilled;
    await sleep(waitMs, undefined, { signal: this.abort.signal });
    service.metrics.retry(failed.reason);
  }

  private mayRepeat(rule: RetryRule): boolean {
    const { exchange } = this;
    if (exchange.isCommitted || exchange.isAbandoned || !exchange.body.canReplay) return false;
    if (rule.mayBeBilled && this.hasRepeatedBilled) return false;
    return rule.where === 'anywhere' || this.hasFreshTarget();
  }

  /** `Retry-After` speaks for the target that sent it: a fresh one need not wait for it. */
  private waitBefore(failed: FailedAttempt, retry: number): number {
    const drawn = backoffMs(retry, this.service.config.backoff, Math.random);
    return failed.waitMs === undefined || this.hasFreshTarget() ? drawn : failed.waitMs + drawn;
  }

  private hasFreshTarget(): boolean {
    return this.service.targets.targets.some((target) => target.isAvailable && !this.tried.includes(target));
  }

  private discardHeld(): void {
    if (!(this.last.result instanceof UpstreamFailure)) this.last.result.discard();
  }

  private conclude(error: unknown): Answer {
    if (this.exchange.isAbandoned) {
      this.discardHeld();
      throw new UpstreamFailure('client_aborted', true);
    }
    if (!(error instanceof FailedAttempt)) throw error;
    if (error.result instanceof UpstreamFailure) throw error.result;
    return error.result;
  }
}
