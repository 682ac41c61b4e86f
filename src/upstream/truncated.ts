import { renderStreamError } from '../errors/render.ts';
import { Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';

const DETAIL = {
  UPSTREAM_ERROR: 'The upstream broke off its response.',
  UPSTREAM_TIMEOUT: 'The upstream stopped sending its response.',
  DRAINING: 'The gateway is shutting down.',
} as const;

/**
 * Ends a response that has already begun and cannot be completed. An event stream gets one error event in the route's
 * dialect; then the connection closes without the final chunk, so that no client can take the rest for the whole
 * (RFC 9112 8).
 */
export function endTruncated(exchange: Exchange, code: keyof typeof DETAIL): void {
  const { res } = exchange;
  exchange.running?.abandon();
  exchange.outcome = 'truncated';
  exchange.rejection = new Rejection(code, DETAIL[code]);
  const { socket } = res;
  if (!exchange.isEventStream || !socket) return void res.destroy();
  const event = renderStreamError(exchange.rejection, exchange.route?.dialect ?? 'problem', {
    requestId: exchange.id,
  });
  res.write(event, () => socket.destroySoon());
}
