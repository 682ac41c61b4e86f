// Room telemetry: reports what happened, in the log and the metrics.
// In it: the logger and its masking, every metric, the observer of finished exchanges.
// Never in it: influence on a request.

import type { Exchange } from '../exchange/exchange.ts';
import { costOf } from '../exchange/cost-of.ts';
import { type Model, usesTokens } from '../exchange/model-call.ts';
import { statusSeen } from '../exchange/respond.ts';
import type { AccessLog } from './access-log.ts';
import type { Metrics, ServiceMetrics } from './metrics.ts';

/**
 * Reads a finished exchange and turns it into metrics and one log line. Call it exactly once, when the response has
 * closed. What runs is counted elsewhere (in-flight requests, streams), as are decisions taken on the way (rate limits,
 * retries). `closedAt` is monotonic milliseconds.
 */
export function observeExchange(
  exchange: Exchange,
  metrics: Metrics,
  log: AccessLog,
  closedAt: number = performance.now(),
): void {
  const status = statusSeen(exchange);
  const durationMs = closedAt - exchange.startedAt;
  const upstreamMs = sumOfAttempts(exchange);
  const overheadMs = overheadOf(exchange, durationMs, upstreamMs);
  const service = metrics.service(exchange.route?.service ?? 'none');
  service.request(exchange.edge.method, status, durationMs / 1000);
  if (overheadMs !== undefined) service.overhead(overheadMs / 1000);
  if (exchange.rejection) service.error(exchange.rejection.code);
  countAttempts(exchange, service);
  countModel(exchange, metrics, { status, durationMs });
  // A request that went through the gateway's own endpoints has had its line there.
  if (!('log' in exchange.req)) log(exchange, { status, durationMs, upstreamMs, overheadMs });
}

function sumOfAttempts({ attempts }: Exchange): number {
  let sum = 0;
  for (const attempt of attempts) sum += attempt.durationMs;
  return sum;
}

/** Of the time until the response headers, the part that no upstream had. Never negative. */
function overheadOf(exchange: Exchange, durationMs: number, upstreamMs: number): number | undefined {
  const { answeredAt, outcome, startedAt } = exchange;
  if (answeredAt === undefined && outcome === 'client_aborted') return undefined;
  const untilHeadersMs = answeredAt === undefined ? durationMs : answeredAt - startedAt;
  return Math.max(0, untilHeadersMs - upstreamMs);
}

function countAttempts({ attempts }: Exchange, service: ServiceMetrics): void {
  for (const attempt of attempts) service.upstream(attempt.target, attempt.durationMs / 1000);
}

const OTHER_MODEL = 'other';

interface Seen {
  readonly status: number;
  readonly durationMs: number;
}

/** Names that are not listed come from clients and never become labels. */
function countModel({ model: call, outcome, rejection, principal }: Exchange, metrics: Metrics, seen: Seen): void {
  if (rejection?.code === 'RATE_LIMIT_EXCEEDED' && principal) metrics.limitHit(principal.consumer.id);
  if (!call || !usesTokens(call.operation)) return;
  metrics.model(labelOf(call.model)).request(outcome === 'completed' && seen.status < 400, seen.durationMs / 1000);
  if (call.usage) metrics.model(labelOf(call.model)).used(call.usage, costOf(call.model, call.usage));
  for (const { model, usage } of call.lost) metrics.model(labelOf(model)).used(usage, costOf(model, usage));
}

function labelOf({ isListed, name }: Model): string {
  return isListed ? name : OTHER_MODEL;
}
