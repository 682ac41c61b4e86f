import type { Balancer, Target } from './targets.ts';

export type BalanceMethod = 'round_robin' | 'least_requests';

/**
 * Chooses among the targets of one service. Prefers targets that are available and not tried yet, then available ones;
 * `undefined` when none is available. Weights are shares of the traffic. `random` is uniform in [0, 1).
 */
export function createBalancer(method: BalanceMethod, targets: readonly Target[], random = Math.random): Balancer {
  const [only] = targets;
  if (only && targets.length === 1) return () => (only.isAvailable ? only : undefined);
  const choose = method === 'round_robin' ? smoothRoundRobin() : leastRequests(random);
  return (tried, { model }) => {
    const available = targets.filter((target) => target.isAvailable && (!model || target.serves(model.model.name)));
    const fresh = tried.length === 0 ? available : available.filter((target) => !tried.includes(target));
    return choose(fresh.length > 0 ? fresh : available);
  };
}

type Choice = (candidates: readonly Target[]) => Target | undefined;

/**
 * nginx's smooth weighted round robin: every candidate gains its weight, the richest is chosen and pays the sum of all
 * weights. Over one cycle each target gets exactly its weight, spread out rather than in runs.
 */
function smoothRoundRobin(): Choice {
  const credits = new Map<Target, number>();
  return (candidates) => {
    let total = 0;
    let chosen: Target | undefined;
    let highest = Number.NEGATIVE_INFINITY;
    for (const target of candidates) {
      const credit = (credits.get(target) ?? 0) + target.weight;
      credits.set(target, credit);
      total += target.weight;
      if (credit <= highest) continue;
      highest = credit;
      chosen = target;
    }
    if (chosen) credits.set(chosen, highest - total);
    return chosen;
  };
}

/**
 * The less busy of two targets drawn by weight (M. Mitzenmacher, "The Power of Two Choices in Randomized Load
 * Balancing"): nearly as even as looking at all of them, and no herd runs to the one that looked idle a moment ago.
 */
function leastRequests(random: () => number): Choice {
  return (candidates) => {
    const first = draw(candidates, random);
    const second = draw(
      candidates.filter((target) => target !== first),
      random,
    );
    if (!first || !second) return first;
    return loadOf(second) < loadOf(first) ? second : first;
  };
}

/** Requests in flight per unit of weight. */
function loadOf(target: Target): number {
  return target.inFlight / target.weight;
}

function draw(candidates: readonly Target[], random: () => number): Target | undefined {
  let left = random() * candidates.reduce((sum, target) => sum + target.weight, 0);
  for (const target of candidates) {
    left -= target.weight;
    if (left < 0) return target;
  }
  return candidates.at(-1);
}
