// Room upstream: calls one target and brings back its answer or the reason why there is none.
// In it: connections, request and response headers, tunnels, balancing, health probes.
// Never in it: the policies around the call.

import { type Answer, type Attempt, UpstreamFailure } from './attempt.ts';
import type { UpstreamPools } from './pools.ts';
import { UpstreamCall } from './upstream-call.ts';

/** One attempt at one target over its keep-alive pool. The exchange's body must have been prepared. */
export function createForwarder(pools: UpstreamPools): Attempt {
  return (exchange, target) => {
    if (exchange.deadline.isOver) return Promise.reject(new UpstreamFailure('total_timeout', false));
    if (target.inFlight >= target.maxConnections) return Promise.reject(new UpstreamFailure('overloaded', false));
    return new Promise<Answer>((resolve, reject) => {
      new UpstreamCall(exchange, target, resolve, reject).start(pools.of(target));
    });
  };
}
