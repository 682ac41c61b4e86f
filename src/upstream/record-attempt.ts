import type { Exchange } from '../exchange/exchange.ts';
import type { FailureKind } from './attempt.ts';
import { outcomeOfFailure, outcomeOfStatus } from './classify.ts';
import type { Target } from './targets.ts';

/** How an attempt ended: the status of its answer, the reason why there is none, or both if the answer was unusable. */
interface AttemptEnd {
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  readonly status?: number | undefined;
  readonly failure?: FailureKind | undefined;
}

/** Notes an attempt that has its response headers, or failed, for the log and for the balancer. */
export function recordAttempt(exchange: Exchange, target: Target, { startedAt, status, failure }: AttemptEnd): void {
  const now = performance.now();
  const durationMs = now - startedAt;
  const model = exchange.model?.model;
  const outcome = failure === undefined ? outcomeOfStatus(status as number) : outcomeOfFailure(failure);
  target.noteAttempt(outcome, durationMs, now, model);
  exchange.attempts.push({ target: target.name, model: model?.name, durationMs, status, failure });
}
