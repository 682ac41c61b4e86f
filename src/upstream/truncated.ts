import { renderStreamError } from '../errors/render.ts';
import { Rejection } from '../errors/rejection.ts';
import { breakConnection } from '../exchange/break-connection.ts';
import type { Exchange } from '../exchange/exchange.ts';

const DETAIL = {
  UPSTREAM_ERROR: 'The upstream broke off its response.',
  UPSTREAM_TIMEOUT: 'The upstream stopped sending its response.',
  DRAINING: 'The gateway is shutting down.',
} as const;

/**
 * Ends a response that has already begun and cannot be completed. An event stream gets one error event in the route's
 * dialect, unless the upstream has sent its own, and then ends in order: clients that read through the stream classes of
 * the web drop what they have not yet read, the error included, when the connection breaks. Any other body is cut, so that
 * no client can take the rest for the whole (RFC 9112 8).
 */
export function endTruncated(
  exchange: Exchange,
  reason: keyof typeof DETAIL | Rejection,
  hasPassedError = false,
): void {
  const { res } = exchange;
  exchange.outcome = 'truncated';
  exchange.rejection = typeof reason === 'string' ? new Rejection(reason, DETAIL[reason]) : reason;
  exchange.running?.abandon();
  if (exchange.isDetached) return exchange.endDetached();
  if (!exchange.isEventStream) return breakConnection(exchange);
  if (hasPassedError) return void res.end();
  const event = renderStreamError(exchange.rejection, exchange.route?.dialect ?? 'problem', {
    requestId: exchange.id,
  });
  // What was begun cannot be taken back: it ends as an event that cannot be read, and the error is one that can.
  res.end(exchange.isInsideEvent ? `\n\n${event}` : event);
}
