import { isForwardingHeader } from '../edge/header-families.ts';
import { Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { compileAddressSet } from '../lib/address-set.ts';
import type { MasterKeyGuard } from './master-key.ts';

const isLoopback = compileAddressSet(['loopback'], { remembered: 0 });

const NOT_LOCAL = new Rejection(
  'FORBIDDEN',
  'Metrics are available on this machine, on PROMETHEUS_PORT, on the admin socket, or with X-Master-Key. To open them to everybody, set settings.admin.metrics_access: open.',
);

/** Lets in clients on this machine and callers with the master key. A request forwarded by a proxy is not local. */
export function checkLocal(exchange: Exchange, guard: MasterKeyGuard): Rejection | undefined {
  const { edge, req } = exchange;
  const isForwarded = edge.headers.names.some((name) => isForwardingHeader(name) || name === 'via');
  if (!isForwarded && isLoopback(req.socket.remoteAddress ?? '')) return undefined;
  return edge.headers.has('x-master-key') ? guard.check(exchange) : NOT_LOCAL;
}
