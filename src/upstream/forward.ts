// Room upstream: calls one target and returns its answer, or the reason why it has no answer.
// In it: connections, request and response headers, tunnels, balancing, health probes.
// Never in it: the policies around the call.

import type { Exchange } from '../exchange/exchange.ts';
import { type Answer, type Attempt, UpstreamFailure } from './attempt.ts';
import type { UpstreamPools } from './pools.ts';
import type { Target } from './targets.ts';
import { UpstreamCall } from './upstream-call.ts';

/** One attempt at one target over its keep-alive pool. The exchange's body must have been prepared. */
export function createForwarder(pools: UpstreamPools): Attempt {
  const call: Attempt = (exchange, target) =>
    new Promise<Answer>((resolve, reject) => {
      new UpstreamCall(exchange, target, resolve, reject).start(pools.of(target));
    });
  return (exchange, target) => {
    if (exchange.deadline.isOver) return Promise.reject(new UpstreamFailure('total_timeout', false));
    if (target.inFlight >= target.maxConnections) return Promise.reject(new UpstreamFailure('overloaded', false));
    return exchange.plan?.isLong?.(exchange) ? callLater(exchange, target, call) : call(exchange, target);
  };
}

async function callLater(exchange: Exchange, target: Target, call: Attempt): Promise<Answer> {
  await exchange.plan?.prepareFor?.(exchange, target);
  if (exchange.isAbandoned) throw new UpstreamFailure('client_aborted', false);
  return call(exchange, target);
}
