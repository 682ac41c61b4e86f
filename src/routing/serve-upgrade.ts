import type { Socket } from 'node:net';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { cutShort, DRAINING } from '../exchange/respond.ts';
import { UpstreamFailure } from '../upstream/attempt.ts';
import type { Handshake } from '../upstream/handshake.ts';
import type { Tunnels } from '../upstream/tunnels.ts';
import type { UpgradeClient } from '../upstream/upgrade-client.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Proceed } from './serve.ts';

/** Opens the tunnel of a WebSocket handshake whose access steps have agreed. */
export function tunnelTo(tunnels: Tunnels, socket: Socket, head: Buffer): Proceed {
  return async (exchange, route) => {
    const { upstream } = route;
    if (!upstream || !route.takesUpgrades)
      throw new GatewayError(new Rejection('UPGRADE_REFUSED', 'This route does not carry WebSockets.'));
    detach(exchange, socket);
    const client = tunnels.enter(exchange, socket, head, () => {
      answerAsHttp(exchange, client);
      cutShort(exchange, DRAINING, route.dialect);
    });
    exchange.upgrade = client;
    try {
      const answer = (await upstream.sendHandshake(exchange)) as Handshake;
      if (answer.status !== 101) answerAsHttp(exchange, client);
      conclude(exchange, route, answer);
    } catch (error) {
      if (!exchange.isAbandoned) answerAsHttp(exchange, client);
      throw error;
    }
  };
}

/** From here on the bytes on the socket are the tunnel's; only its end still concerns the exchange. */
function detach({ res }: Exchange, socket: Socket): void {
  res.detachSocket(socket);
  socket.once('close', () => {
    res.destroy();
    res.emit('close');
  });
}

/** There is no tunnel: the socket carries an answer like any other. */
function answerAsHttp({ res }: Exchange, client: UpgradeClient): void {
  client.letGo();
  if (!res.socket && !client.socket.destroyed) res.assignSocket(client.socket);
}

function conclude(exchange: Exchange, route: CompiledRoute, answer: Handshake): void {
  const headers = headersFor(exchange, route, answer);
  if (answer.status !== 101) return relayRefusal(exchange, answer, headers);
  countOpen(exchange, route);
  if (!answer.deliver(headers)) throw new UpstreamFailure('reset', true);
}

function headersFor(exchange: Exchange, route: CompiledRoute, answer: Handshake): string[] {
  const headers = route.responseHeaders(exchange, answer);
  route.decorate(headers, exchange);
  exchange.runHeadHooks(headers, answer.status);
  return headers;
}

/** Passes the upstream's refusal to the client like the answer to any request. */
function relayRefusal(exchange: Exchange, answer: Handshake, headers: string[]): void {
  const { res, deadline, plan } = exchange;
  const { body } = answer;
  const idleMs = plan?.timeouts.idle ?? 0;
  if (!body) return void res.destroy();
  deadline.call = {
    onExpire: () => {
      res.destroy();
      return true;
    },
  };
  deadline.await('idle', idleMs);
  res.writeHead(answer.status, headers);
  body.on('data', (chunk: Buffer) => {
    exchange.bytesOut += chunk.length;
    deadline.await('idle', idleMs);
  });
  // A close before the end means that the upstream died: the client must not mistake its part for the whole answer.
  body.once('error', () => void res.destroy());
  body.pipe(res);
}

function countOpen(exchange: Exchange, { metrics }: CompiledRoute): void {
  exchange.res.statusCode = 101;
  exchange.isStream = true;
  metrics.streams(1);
  exchange.onSettled(() => metrics.streams(-1));
}
