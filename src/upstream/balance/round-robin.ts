import type { Target } from '../targets.ts';
import type { Choice } from '../targets.ts';

/**
 * nginx's smooth weighted round robin: every candidate gains its weight, the richest is chosen and pays the sum of all
 * weights. Over one cycle each target gets exactly its weight, spread out rather than in runs.
 */
export function smoothRoundRobin(): Choice {
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
