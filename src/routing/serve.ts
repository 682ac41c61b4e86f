import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { answer, reject } from '../exchange/respond.ts';
import type { Verdict } from '../policies/policy.ts';
import { type Answer, UpstreamFailure } from '../upstream/attempt.ts';
import { rejectionFor } from '../upstream/classify.ts';
import type { CompiledRoute } from './compiled-route.ts';

/** Reports what should never happen: a policy or the upstream side threw something that is not a refusal. */
export type ReportBug = (error: unknown, exchange: Exchange) => void;

/**
 * Takes one exchange through its route: the access steps in order, then the upstream, then the answer. Stays
 * synchronous until a step really has to wait.
 */
export function serve(exchange: Exchange, route: CompiledRoute, reportBug: ReportBug): void {
  try {
    runSteps(exchange, route, 0, reportBug);
  } catch (error) {
    conclude(exchange, rejectionOf(error, exchange, reportBug));
  }
}

function runSteps(exchange: Exchange, route: CompiledRoute, from: number, reportBug: ReportBug): void {
  const { steps } = route;
  for (let i = from; i < steps.length; i++) {
    const verdict = (steps[i] as (typeof steps)[number]).decide(exchange);
    if (verdict === undefined) continue;
    if ('then' in verdict) return void resumeAfter(verdict, exchange, route, i + 1, reportBug);
    return conclude(exchange, verdict);
  }
  void callUpstream(exchange, route, reportBug);
}

async function resumeAfter(
  pending: Promise<Verdict>,
  exchange: Exchange,
  route: CompiledRoute,
  next: number,
  reportBug: ReportBug,
): Promise<void> {
  try {
    const verdict = await pending;
    if (exchange.isAbandoned) return;
    if (verdict === undefined) runSteps(exchange, route, next, reportBug);
    else conclude(exchange, verdict);
  } catch (error) {
    conclude(exchange, rejectionOf(error, exchange, reportBug));
  }
}

function conclude(exchange: Exchange, verdict: Exclude<Verdict, undefined>): void {
  if (verdict instanceof Rejection) reject(exchange, verdict, 'problem');
  else answer(exchange, verdict);
}

async function callUpstream(exchange: Exchange, route: CompiledRoute, reportBug: ReportBug): Promise<void> {
  try {
    const gathering = exchange.body.prepare();
    const refused = gathering && (await gathering);
    if (refused) return conclude(exchange, refused);
    deliver(exchange, route, await route.send(exchange));
  } catch (error) {
    if (exchange.isAbandoned) return;
    conclude(exchange, rejectionOf(error, exchange, reportBug));
  }
}

function deliver(exchange: Exchange, route: CompiledRoute, upstream: Answer): void {
  const headers = route.responseHeaders(exchange, upstream);
  if (headers instanceof Rejection) {
    upstream.discard();
    return conclude(exchange, headers);
  }
  route.decorate(headers, exchange);
  exchange.runHeadHooks(headers, upstream.status);
  // A body the upstream did not wait for is still on its way: this connection cannot carry another request.
  if (!exchange.body.isFullyRead) exchange.res.shouldKeepAlive = false;
  if (upstream.deliver(headers) || exchange.isAbandoned) return;
  conclude(exchange, rejectionFor(new UpstreamFailure('reset', true), exchange));
}

function rejectionOf(error: unknown, exchange: Exchange, reportBug: ReportBug): Rejection {
  if (error instanceof GatewayError) return error.rejection;
  if (error instanceof UpstreamFailure) {
    if (error.kind === 'internal') reportBug(error, exchange);
    return rejectionFor(error, exchange);
  }
  reportBug(error, exchange);
  return new Rejection('INTERNAL_ERROR', 'The gateway failed to handle this request.');
}
