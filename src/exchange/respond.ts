import type { Dialect } from '../errors/dialect.ts';
import { Rejection } from '../errors/rejection.ts';
import { renderRejection } from '../errors/render.ts';
import { breakConnection } from './break-connection.ts';
import type { Exchange } from './exchange.ts';

/** A complete answer of the gateway's own. */
export interface OwnAnswer {
  readonly status: number;
  /** name, value, name, value … without `Content-Length`. */
  readonly headers: readonly string[];
  readonly body: string | Buffer | undefined;
}

/** Unread bytes up to here are read away to keep the connection; beyond, closing is cheaper than reading. */
const READ_AWAY_BYTES = 64 * 1024;

export const DRAINING = new Rejection('DRAINING', 'The gateway is shutting down. Another instance may answer.', {
  headers: { 'Retry-After': '1' },
  facts: { retryAfterSeconds: 1 },
});

/**
 * Answers with a rejection in the route's dialect, or in `fallback` before a route is known. After commitment nothing
 * can be said any more, so the connection is closed.
 */
export function reject(exchange: Exchange, rejection: Rejection, fallback: Dialect): void {
  if (exchange.isCutShort || (exchange.res.destroyed && !exchange.isDetached)) return;
  exchange.rejection = rejection;
  if (exchange.outcome === 'completed') exchange.outcome = 'rejected';
  if (exchange.isCommitted) return breakConnection(exchange);
  const context = { requestId: exchange.id, path: exchange.edge.path };
  const { status, headers, body } = renderRejection(rejection, exchange.route?.dialect ?? fallback, context);
  send(exchange, status, headers, Buffer.from(body));
}

/** Answers an exchange without waiting any longer for what it is doing, drops what still comes of that, and closes. */
export function cutShort(exchange: Exchange, rejection: Rejection, fallback: Dialect): void {
  exchange.closeConnection();
  reject(exchange, rejection, fallback);
  exchange.isCutShort = true;
  exchange.running?.abandon();
}

/** Writes an answer of the gateway's own. */
export function answer(exchange: Exchange, { status, headers, body }: OwnAnswer): void {
  if (exchange.isCutShort) return;
  const payload = typeof body === 'string' ? Buffer.from(body) : body;
  // RFC 9110 8.6: no Content-Length where the status itself says that there is no body.
  const length = status === 204 || status === 304 ? [] : ['Content-Length', String(payload?.length ?? 0)];
  send(exchange, status, [...headers, ...length], payload);
}

function send(exchange: Exchange, status: number, headers: string[], payload: Buffer | undefined): void {
  headers.push('X-Request-Id', exchange.id);
  sendWhole(exchange, status, exchange.route?.editOwn?.(headers) ?? headers, payload);
}

/**
 * Writes an answer that is there as a whole. `headers` lack only what every response of the route carries; what to do
 * with a request body nobody read is settled here.
 */
export function sendWhole(exchange: Exchange, status: number, headers: string[], payload: Buffer | undefined): void {
  const { res, body } = exchange;
  exchange.route?.decorate(headers, exchange);
  exchange.runHeadHooks(headers, status);
  const sent = exchange.edge.method === 'HEAD' ? undefined : payload;
  if (sent) exchange.runSentHooks(sent);
  exchange.isAnswerWhole = true;
  if (exchange.isDetached) return exchange.endDetached();
  if (!body.isFullyRead && !isCheapToRead(exchange)) exchange.closeConnection();
  res.writeHead(status, headers);
  exchange.bytesOut += sent?.length ?? 0;
  res.end(sent);
}

function isCheapToRead(exchange: Exchange): boolean {
  const { edge } = exchange;
  if (edge.expectContinue || edge.chunked) return false;
  return (edge.contentLength ?? 0) <= READ_AWAY_BYTES;
}

/** What proxies have come to write when the client left before an answer; never sent to anybody. */
const CLIENT_CLOSED_REQUEST = 499;

/** The status of a finished exchange as the client got it; 499 when it left before an answer. */
export function statusSeen({ outcome, res }: Exchange): number {
  const isUnanswered = outcome === 'client_aborted' && !res.headersSent && res.statusCode !== 101;
  return isUnanswered ? CLIENT_CLOSED_REQUEST : res.statusCode;
}
