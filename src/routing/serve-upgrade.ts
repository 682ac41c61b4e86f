import type { Socket } from 'node:net';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { unavailable } from '../upstream/classify.ts';
import type { Tunnels } from '../upstream/tunnel.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Proceed } from './serve.ts';

/** Opens the tunnel of a WebSocket handshake whose access steps have agreed. */
export function tunnelTo(tunnels: Tunnels, socket: Socket, head: Buffer): Proceed {
  return async (exchange, route) => {
    const { upstream } = route;
    if (!upstream || !route.takesUpgrades)
      throw new GatewayError(new Rejection('UPGRADE_REFUSED', 'This route does not carry WebSockets.'));
    const target = upstream.pick([]);
    if (!target) throw new GatewayError(unavailable(upstream));
    detach(exchange, socket);
    await new Promise<void>((resolve, refuse) => {
      tunnels.open(exchange, target, socket, head, {
        onOpen: () => resolve(opened(exchange, route)),
        onFailed: (failure) => {
          exchange.res.assignSocket(socket);
          refuse(failure);
        },
      });
      socket.once('close', resolve);
    });
  };
}

/** From here on the bytes on the socket are the tunnel's; only its end still concerns the exchange. */
function detach({ res }: Exchange, socket: Socket): void {
  res.detachSocket(socket);
  socket.once('close', () => res.emit('close'));
}

function opened(exchange: Exchange, { metrics }: CompiledRoute): void {
  exchange.res.statusCode = 101;
  exchange.isStream = true;
  exchange.deadline.clear();
  metrics.streams(1);
  exchange.onSettled(() => metrics.streams(-1));
}
