import { setTimeout as sleep } from 'node:timers/promises';
import pRetry, { AbortError } from 'p-retry';
import { GatewayError } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Model } from '../../exchange/model-call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Dependencies } from '../policy-dependencies.ts';
import { type Answer, type Attempt, type Send, UpstreamFailure } from '../../upstream/attempt.ts';
import { unavailable } from '../../upstream/classify.ts';
import type { ServiceTargets, Target } from '../../upstream/targets.ts';
import { defineSendPolicy } from '../policy.ts';
import { retryAfterMs } from '../../lib/retry-after.ts';
import { backoffMs } from './backoff.ts';
import { FailedAttempt } from './failed-attempt.ts';
import { forbidRetry } from './forbid-retry.ts';
import { tellSoonestReturn } from './tell-soonest-return.ts';
import { causeOfAnswer, causeOfFailure, givesWayFor } from './fallback-rules.ts';
import { hasFallback, moveToFallback } from './model-fallback.ts';
import { type Place, Places } from './places.ts';
import { RetryBudget } from './retry-budget.ts';
import { NEXT_MODEL, type RetryRule, repeatabilityOf, ruleForFailure, ruleForStatus } from './retry-rules.ts';
import { type RetryConfig, RetrySchema } from './schema.ts';

/**
 * Repeats a failed call, at another target or with a fallback model where there is one, while nothing has been sent to the
 * client; gives up with the last answer or failure.
 */
export const retryPolicy = defineSendPolicy({
  name: 'retry',
  phase: 'send',
  schema: RetrySchema,
  errors: ['NO_HEALTHY_TARGET', 'CIRCUIT_OPEN', 'MODEL_NOT_FOUND'],
  create: retrying,
  createOff: (deps, targets) => retrying(SINGLE_ATTEMPT, deps, targets),
});

const SINGLE_ATTEMPT: RetryConfig = {
  attempts: 1,
  backoff: { initial: 1, max: 1 },
  budget_percent: 0,
  methods: 'idempotent',
};

function retrying(
  config: RetryConfig,
  { clock, log, metrics }: Pick<Dependencies, 'clock' | 'log' | 'metrics'>,
  targets: ServiceTargets,
): (attempt: Attempt) => Send {
  const budget = new RetryBudget(config.budget_percent);
  const counted = metrics.service(targets.service);
  const alarm = ({ target, status }: Answer): void =>
    log.error(
      { service: targets.service, target: target.name, status },
      "alarm: a target refuses the gateway's own credential, and a fallback answers: check api_key of the target",
    );
  return (attempt) => createRetryingSend({ config, targets, budget, metrics: counted, clock, attempt, alarm });
}

/** What the retries of one service share. */
export interface RetryingService {
  readonly config: RetryConfig;
  readonly targets: ServiceTargets;
  readonly budget: RetryBudget;
  readonly metrics: { retry(reason: string): void };
  readonly clock: Clock;
  readonly attempt: Attempt;
  /** Reports that a target refused the gateway's own key, where a fallback answers and no client sees it. */
  readonly alarm?: (answer: Answer) => void;
}

const NONE: readonly Target[] = [];
/** Where no deadline bounds the exchange, an upstream that asks for more patience than this is taken at its word. */
const LONGEST_WAIT_MS = 30_000;

/** The send of a service with retries. p-retry is not touched before a first attempt has failed. */
export function createRetryingSend(service: RetryingService): Send {
  return async (exchange) => {
    service.budget.earn();
    const target = firstTarget(service, exchange);
    let failed: FailedAttempt | Answer;
    try {
      const answer = await service.attempt(exchange, target);
      if (answer.status < 400) return answer;
      failed = await judgeAnswer(service, exchange, answer);
    } catch (error) {
      failed = judgeError(service, exchange, target, error);
    }
    return failed instanceof FailedAttempt ? new RetryRun(service, exchange, failed).run() : failed;
  };
}

function firstTarget(service: RetryingService, exchange: Exchange): Target {
  const { targets } = service;
  return targets.pick(NONE, exchange) ?? moveToFallback(targets, exchange, NONE) ?? refuse(service, exchange);
}

function refuse({ targets, clock }: RetryingService, exchange: Exchange): never {
  throw new GatewayError(unavailable(targets, exchange, clock.monotonic()));
}

/** The answer itself when it is meant for the client. */
async function judgeAnswer(
  service: RetryingService,
  exchange: Exchange,
  given: Answer,
): Promise<FailedAttempt | Answer> {
  const { config, targets, clock } = service;
  if (given.status < 400) return given;
  const waitMs = retryAfterMs(given.headers, clock.now());
  const repeatability = repeatabilityOf(exchange.edge.method, targets.kind, config.methods);
  const rule = ruleForStatus(given.status, repeatability, waitMs);
  const hasNext = exchange.model !== undefined && config.attempts > 1 && hasFallback(targets, exchange);
  if (!hasNext) return rule ? new FailedAttempt(given.target, given, { rule, waitMs, mayFallBack: false }) : given;
  const { answer, cause } = await causeOfAnswer(exchange, given);
  const mayFallBack = cause !== undefined && givesWayFor(exchange, cause);
  if (rule) return new FailedAttempt(answer.target, answer, { rule, waitMs, mayFallBack });
  if (mayFallBack && cause === 'auth') service.alarm?.(answer);
  return mayFallBack ? new FailedAttempt(answer.target, answer, { rule: NEXT_MODEL, mayFallBack }) : answer;
}

/** Throws the error again when it is final. */
function judgeError(service: RetryingService, exchange: Exchange, target: Target, error: unknown): FailedAttempt {
  if (!(error instanceof UpstreamFailure)) throw error;
  const repeatability = repeatabilityOf(exchange.edge.method, service.targets.kind, service.config.methods);
  const rule = ruleForFailure(error.kind, error.sent, repeatability);
  if (!rule) throw error;
  return new FailedAttempt(target, error, { rule, mayFallBack: givesWayFor(exchange, causeOfFailure(error)) });
}

/** The attempts of one exchange after its first one failed. */
class RetryRun {
  private readonly service: RetryingService;
  private readonly exchange: Exchange;
  private readonly places: Places;
  private readonly abort = new AbortController();
  /** Its answer is held while the next attempt is in doubt, so that the client can still have it. */
  private last: FailedAttempt;
  private attemptsLeft: number;
  private hasRepeatedBilled = false;
  private mayRepeat = true;
  /** The next attempt is at another target because the last one rests: it counts as no retry. */
  private isFree = false;

  constructor(service: RetryingService, exchange: Exchange, first: FailedAttempt) {
    this.service = service;
    this.exchange = exchange;
    this.places = new Places(service.targets, exchange);
    this.last = first;
    this.attemptsLeft = service.config.attempts;
  }

  async run(): Promise<Answer> {
    const { res } = this.exchange;
    res.once('close', this.onClose);
    try {
      return await pRetry((attemptNumber) => this.attempt(attemptNumber), {
        retries: this.mostRetries,
        minTimeout: 0,
        signal: this.abort.signal,
        onFailedAttempt: ({ error, attemptNumber }) => this.decide(error, attemptNumber),
      });
    } catch (error) {
      return this.conclude(error);
    } finally {
      res.off('close', this.onClose);
    }
  }

  /** `attemptsLeft` decides; this bounds it, with each target that rests passed over once for each model. */
  private get mostRetries(): number {
    const { config, targets } = this.service;
    if (config.attempts === 1) return 0;
    return config.attempts - 1 + targets.targets.length * (this.exchange.model?.candidates.length ?? 0);
  }

  /** p-retry counts the attempt that brought us here as its first. */
  private async attempt(attemptNumber: number): Promise<Answer> {
    if (attemptNumber === 1) throw this.remember(this.last);
    const asked = this.exchange.model?.model;
    const target = this.nextTarget();
    if (this.last.rule.mayBeBilled) this.noteLost(asked);
    this.discardHeld();
    const result = await this.call(target);
    if (result instanceof FailedAttempt) throw this.remember(result);
    return result;
  }

  private async call(target: Target): Promise<FailedAttempt | Answer> {
    const { service, exchange } = this;
    try {
      return await judgeAnswer(service, exchange, await service.attempt(exchange, target));
    } catch (error) {
      return judgeError(service, exchange, target, error);
    }
  }

  private remember(failed: FailedAttempt): FailedAttempt {
    this.places.note(failed.target, failed.rule);
    this.last = failed;
    this.isFree = this.service.config.attempts > 1 && this.places.movesFreely(failed.target);
    if (!this.isFree) this.attemptsLeft -= 1;
    return failed;
  }

  /** Looks again: what was available before the wait may be gone. An answer already in hand beats a refusal of ours. */
  private nextTarget(): Target {
    const { last, places } = this;
    const place = places.next(last, this.attemptsLeft, this.mayRepeat);
    const target = place && places.go(place);
    if (target) return target;
    if (place === 'same_target' && last.result instanceof UpstreamFailure) refuse(this.service, this.exchange);
    throw new AbortError(last);
  }

  /** Waits before the next attempt, or throws to make this failure the last one. */
  private async decide(failed: Error, attemptNumber: number): Promise<void> {
    if (!(failed instanceof FailedAttempt) || this.attemptsLeft === 0 || this.isFinal(failed.rule)) throw failed;
    const drawnMs = this.isFree ? 0 : backoffMs(attemptNumber, this.service.config.backoff, Math.random);
    const place = this.choosePlace(failed, drawnMs);
    if (place === undefined) throw failed;
    await sleep(waitAt(place, failed, drawnMs), undefined, { signal: this.abort.signal });
    this.service.metrics.retry(failed.reason);
  }

  private isFinal({ mayBeBilled }: RetryRule): boolean {
    const { exchange } = this;
    if (exchange.isCommitted || exchange.isAbandoned || !exchange.body.canReplay) return true;
    return mayBeBilled && this.hasRepeatedBilled;
  }

  /** The budget is for asking a model again. A fallback is asked once, and would be of no use if an outage used it up. */
  private choosePlace(failed: FailedAttempt, drawnMs: number): Place | undefined {
    const { places, attemptsLeft, service } = this;
    const wanted = places.next(failed, attemptsLeft, true);
    const hasTime = wanted !== undefined && this.hasTimeFor(waitAt(wanted, failed, drawnMs));
    this.mayRepeat = hasTime && (wanted === 'fallback' || this.isFree || service.budget.spend());
    if (this.mayRepeat) return wanted;
    return this.hasTimeFor(drawnMs) ? places.next(failed, attemptsLeft, false) : undefined;
  }

  private hasTimeFor(waitMs: number): boolean {
    return waitMs < Math.min(this.exchange.deadline.remainingMs(), LONGEST_WAIT_MS);
  }

  /** How far the model had got is unknown; that it read the prompt must be assumed. */
  private noteLost(model: Model | undefined): void {
    this.hasRepeatedBilled = true;
    const call = this.exchange.model;
    if (!call || !model) return;
    call.lost.push({ model, usage: { inputTokens: call.estimatedInputTokens, outputTokens: 0, isEstimated: true } });
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
    if (this.attemptsLeft === 0) this.discourageRetry(error);
    if (error.result instanceof UpstreamFailure) throw error.result;
    tellSoonestReturn(this.service.targets, this.exchange, error.target);
    return error.result;
  }

  /** The clients of model APIs would begin all over again, unless they are told how long to wait, which they respect. */
  private discourageRetry({ waitMs }: FailedAttempt): void {
    const { config, targets } = this.service;
    if (config.attempts > 1 && targets.kind !== 'http' && waitMs === undefined) forbidRetry(this.exchange);
  }

  /** An exchange that wants its answer even without a client goes on. */
  private readonly onClose = (): void => {
    if (!this.exchange.isDetached) this.abort.abort();
  };
}

/** `Retry-After` speaks for the target that sent it: another one need not wait for it. */
function waitAt(place: Place, { waitMs = 0 }: FailedAttempt, drawnMs: number): number {
  return place === 'same_target' ? waitMs + drawnMs : drawnMs;
}
