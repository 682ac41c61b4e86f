import { Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { type FailureKind, UpstreamFailure } from './attempt.ts';
import { FAULTS } from './fault-table.ts';
import { isSuitable } from './balancer.ts';
import { firstToReturn } from './resting.ts';
import type { AttemptOutcome, ServiceTargets, Target } from './targets.ts';

/**
 * Statuses that say the target itself is unwell; the 52x are what delivery networks answer for a dead origin. Other
 * statuses from 500 up (501, 505 …) are properties of the request and count as success.
 */
const FAILING_STATUSES: ReadonlySet<number> = new Set([500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530]);

/** Refusals of our own that may be over in a moment. */
const LOCAL_WAITS: ReadonlySet<FailureKind> = new Set(['overloaded', 'circuit_open']);

/** What an answer with this status says about its target. A 4xx says something about the request only. */
export function outcomeOfStatus(status: number): AttemptOutcome {
  if (status < 400) return 'success';
  if (status < 500) return 'neutral';
  return FAILING_STATUSES.has(status) ? 'failure' : 'success';
}

/** What a rejected attempt says about its target; `neutral` for anything that is not an `UpstreamFailure`. */
export function outcomeOfError(error: unknown): AttemptOutcome {
  return error instanceof UpstreamFailure ? outcomeOfFailure(error.kind) : 'neutral';
}

/** What an attempt that brought no answer says about its target. */
export function outcomeOfFailure(kind: FailureKind): AttemptOutcome {
  return FAULTS[kind].by === 'upstream' ? 'failure' : 'neutral';
}

/**
 * The refusal a client gets for a failed attempt. Of `request_body` the exchange's own `body.rejection` knows more, when
 * there is one.
 */
export function rejectionOf(failure: UpstreamFailure): Rejection {
  const { code, detail } = FAULTS[failure.kind];
  return new Rejection(code, detail, {
    ...(LOCAL_WAITS.has(failure.kind) && retryAfter(1)),
    internal: `${failure.kind}${describeCause(failure.cause)}`,
    closes: failure.kind === 'request_body' || failure.kind === 'client_aborted',
  });
}

/** `Retry-After` in seconds when every target failed its health probes: about one probe away from recovery. */
const UNHEALTHY_RETRY_SECONDS = 5;

/**
 * The refusal when no target may be called for this exchange at `now` (monotonic milliseconds): `CIRCUIT_OPEN` when a
 * breaker alone keeps the request from a healthy target, with the wait until the first of them probes
 * again, `UPSTREAM_RATE_LIMITED` when all that could be asked rest, `MODEL_NOT_FOUND` when no target serves the model, else `NO_HEALTHY_TARGET`.
 */
export function unavailable(
  service: ServiceTargets,
  exchange: Pick<Exchange, 'model'> & Partial<Pick<Exchange, 'passedOn'>>,
  now = performance.now(),
): Rejection {
  const { model: call } = exchange;
  if (call && !service.targets.some((target) => target.serves(call.model.name)))
    return new Rejection('MODEL_NOT_FOUND', 'No target serves this model.', { facts: { param: 'model' } });
  const suitable = service.targets.filter((target) => isSuitable(target, exchange));
  if (suitable.length === 0) return notServed(exchange);
  const back = call && firstToReturn(service, call, performance.now());
  if (back) {
    const detail = 'Every upstream that could answer has asked for a pause.';
    return new Rejection('UPSTREAM_RATE_LIMITED', detail, retryAfter(secondsUntil(back.at, performance.now())));
  }
  const held = suitable.filter((target) => target.isHealthy && !target.isAdmitting);
  if (held.length === 0) {
    const detail = `No target of service '${service.service}' passes its health checks.`;
    return new Rejection('NO_HEALTHY_TARGET', detail, retryAfter(UNHEALTHY_RETRY_SECONDS));
  }
  const detail = `Service '${service.service}' has been failing and is left alone for a while.`;
  return new Rejection('CIRCUIT_OPEN', detail, retryAfter(secondsUntilAdmission(held, now)));
}

/** No provider that could be asked has such a path. */
function notServed({ model: call, passedOn = '' }: Parameters<typeof unavailable>[1]): Rejection {
  const whose = call?.model.name ? ` of the model "${call.model.name.slice(0, 100)}"` : '';
  return new Rejection('NOT_FOUND', `The provider${whose} does not serve ${(call?.path ?? passedOn).slice(0, 100)}.`);
}

function secondsUntilAdmission(targets: readonly Target[], now: number): number {
  return secondsUntil(Math.min(...targets.map((target) => target.admitsAgainAt)), now);
}

function secondsUntil(at: number, now: number): number {
  return Math.max(1, Math.ceil((at - now) / 1000));
}

function retryAfter(seconds: number): { headers: Record<string, string>; facts: { retryAfterSeconds: number } } {
  return { headers: { 'Retry-After': String(seconds) }, facts: { retryAfterSeconds: seconds } };
}

/** For the log only: undici's messages may carry addresses. */
function describeCause(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return '';
  const { code, message } = cause as { code?: unknown; message?: unknown };
  return ` (${[code, message].filter((part) => typeof part === 'string').join(': ')})`;
}
