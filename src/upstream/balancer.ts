import type { Choice } from './targets.ts';
import { byConsumer, byHeader, hashed } from './balance/hashed.ts';
import { smoothRoundRobin } from './balance/round-robin.ts';
import { leastRequests, lowestLatency } from './balance/two-choices.ts';
import type { BalancedExchange, Balancer, Target } from './targets.ts';

export type BalanceMethod = 'round_robin' | 'least_requests' | 'latency' | 'hash:consumer' | `hash:header:${string}`;

const HASH_HEADER = 'hash:header:';

/**
 * Chooses among the targets of one service that serve the model asked for. Prefers targets that are available and not
 * tried yet, then available ones; `undefined` when none is available. Weights are shares of the traffic. `random` is
 * uniform in [0, 1).
 */
export function createBalancer(method: BalanceMethod, targets: readonly Target[], random = Math.random): Balancer {
  const [only] = targets;
  if (only && targets.length === 1) return (_tried, exchange) => (isOffered(only, exchange) ? only : undefined);
  const choose = choiceOf(method, random);
  return (tried, exchange) => {
    const available = targets.filter((target) => isOffered(target, exchange));
    const fresh = tried.length === 0 ? available : available.filter((target) => !tried.includes(target));
    return choose(fresh.length > 0 ? fresh : available, exchange);
  };
}

/** The facts that decide whether a target is a candidate at all. */
type Suitability = Pick<BalancedExchange, 'model'> & Partial<Pick<BalancedExchange, 'passedOn' | 'payer'>>;

/** May be given this exchange now. */
export function isOffered(target: Target, exchange: Suitability): boolean {
  const isOpen = target.isAvailable || (target.heldFor !== undefined && target.isOpenBeside(exchange.payer));
  return isOpen && isSuitable(target, exchange) && !isResting(target, exchange);
}

/** Has asked to be left alone with what is asked for. */
export function isResting({ rests }: Target, { model: call }: Pick<BalancedExchange, 'model'>): boolean {
  return !rests.isEmpty && call !== undefined && rests.endOf(call.model.name, performance.now()) > 0;
}

/** Serves the model and the path that are asked for. */
export function isSuitable(target: Target, { model: call, passedOn }: Suitability): boolean {
  if (call !== undefined) return target.serves(call.model.name) && target.takes(call);
  return passedOn === undefined || target.takes({ operation: 'other', path: passedOn });
}

function choiceOf(method: BalanceMethod, random: () => number): Choice {
  if (method === 'round_robin') return smoothRoundRobin();
  if (method === 'least_requests') return leastRequests(random);
  if (method === 'latency') return lowestLatency(random);
  return hashed(method === 'hash:consumer' ? byConsumer : byHeader(method.slice(HASH_HEADER.length).toLowerCase()));
}
