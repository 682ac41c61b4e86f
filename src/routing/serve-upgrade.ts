import type { Socket } from 'node:net';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { reject } from '../exchange/respond.ts';
import { rejectionOf, unavailable } from '../upstream/classify.ts';
import type { Tunnels } from '../upstream/tunnel.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Proceed } from './serve.ts';

/** Opens the tunnel of a WebSocket handshake whose access steps have agreed. */
export function tunnelTo(tunnels: Tunnels, socket: Socket, head: Buffer): Proceed {
  return (exchange, route) => {
    const { upstream } = route;
    if (!upstream || !route.takesUpgrades)
      throw new GatewayError(new Rejection('UPGRADE_REFUSED', 'This route does not carry WebSockets.'));
    const target = upstream.pick([]);
    if (!target) throw new GatewayError(unavailable(upstream));
    detach(exchange, socket);
    tunnels.open(exchange, target, socket, head, {
      onOpen: () => countOpen(exchange, route),
      onFailed: (failure) => {
        // At once: as soon as this returns the library ends the socket.
        exchange.res.assignSocket(socket);
        reject(exchange, rejectionOf(failure), route.dialect);
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

function countOpen(exchange: Exchange, { metrics }: CompiledRoute): void {
  exchange.res.statusCode = 101;
  exchange.isStream = true;
  exchange.deadline.clear();
  metrics.streams(1);
  exchange.onSettled(() => metrics.streams(-1));
}
