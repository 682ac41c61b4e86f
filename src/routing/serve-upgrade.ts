import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { DRAINING, reject } from '../exchange/respond.ts';
import { UpstreamFailure } from '../upstream/attempt.ts';
import { rejectionOf, unavailable } from '../upstream/classify.ts';
import type { AnswerHead } from '../upstream/response-headers.ts';
import type { Tunnels } from '../upstream/tunnel.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Proceed } from './serve.ts';

/** Opens the tunnel of a WebSocket handshake whose access steps have agreed. */
export function tunnelTo(tunnels: Tunnels, socket: Socket, head: Buffer): Proceed {
  return (exchange, route) => {
    const { upstream } = route;
    if (!upstream || !route.takesUpgrades)
      throw new GatewayError(new Rejection('UPGRADE_REFUSED', 'This route does not carry WebSockets.'));
    const target = upstream.pick([], exchange);
    if (!target) throw new GatewayError(unavailable(upstream, exchange));
    if (target.inFlight >= target.maxConnections) throw new UpstreamFailure('overloaded', false);
    detach(exchange, socket);
    tunnels.open(exchange, target, socket, head, {
      onOpen: (answer) => {
        countOpen(exchange, route);
        return headersFor(exchange, route, answer);
      },
      onRefused: (answer, body) => {
        exchange.res.assignSocket(socket);
        relayRefusal(exchange, route, answer, body);
      },
      onFailed: (failure) => {
        // At once: as soon as this returns the library ends the socket.
        exchange.res.assignSocket(socket);
        reject(exchange, rejectionOf(failure), route.dialect);
      },
      onCutShort: () => {
        exchange.res.assignSocket(socket);
        reject(exchange, DRAINING, route.dialect);
      },
    });
    return undefined;
  };
}

/** From here on the bytes on the socket are the tunnel's; only its end still concerns the exchange. */
function detach({ res }: Exchange, socket: Socket): void {
  res.detachSocket(socket);
  socket.once('close', () => res.emit('close'));
}

function headersFor(exchange: Exchange, route: CompiledRoute, answer: AnswerHead): string[] {
  exchange.answeredAt = performance.now();
  const headers = route.responseHeaders(exchange, answer);
  route.decorate(headers, exchange);
  exchange.runHeadHooks(headers, answer.status);
  return headers;
}

/** Hands the client what the upstream answered instead of agreeing, like the answer to any request. */
function relayRefusal(exchange: Exchange, route: CompiledRoute, answer: AnswerHead, body: Readable): void {
  const { res, deadline, plan } = exchange;
  const idleMs = plan?.timeouts.idle ?? 0;
  deadline.call = {
    onExpire: () => {
      res.destroy();
      return true;
    },
  };
  deadline.await('idle', idleMs);
  res.writeHead(answer.status, headersFor(exchange, route, answer));
  body.on('data', (chunk: Buffer) => {
    exchange.bytesOut += chunk.length;
    deadline.await('idle', idleMs);
  });
  // Before the end this is an upstream that died: the client must not take what it has for the whole.
  body.once('error', () => void res.destroy());
  body.pipe(res);
}

function countOpen(exchange: Exchange, { metrics }: CompiledRoute): void {
  exchange.res.statusCode = 101;
  exchange.isStream = true;
  exchange.deadline.clear();
  metrics.streams(1);
  exchange.onSettled(() => metrics.streams(-1));
}
