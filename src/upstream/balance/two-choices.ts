import type { Target } from '../targets.ts';
import type { Choice } from '../targets.ts';

/** The latency assumed for a target that failed lately, or is busy and has not answered yet. */
const DOUBTFUL_MS = 10_000;

/**
 * The less busy of two targets drawn by weight (M. Mitzenmacher, "The Power of Two Choices in Randomized Load
 * Balancing"): nearly as even as looking at all of them, and no herd runs to the one that looked idle a moment ago.
 * `random` is uniform in [0, 1).
 */
export function leastRequests(random: () => number): Choice {
  return (candidates) => cheaperOfTwo(candidates, loadOf, random);
}

/**
 * The one of two targets drawn by weight that can be expected to begin its answer sooner: its average time to response
 * headers times the requests it would then have, per unit of weight. An idle target without figures comes first, so
 * that it gets some; a busy one comes last until it has answered.
 */
export function lowestLatency(random: () => number, now: () => number = () => performance.now()): Choice {
  return (candidates) => {
    const at = now();
    const unknown = candidates.find(
      (target) => isUnknown(target) && target.inFlight === 0 && !target.hasFailedLately(at),
    );
    return unknown ?? cheaperOfTwo(candidates, (target) => expectedMs(target, at), random);
  };
}

function cheaperOfTwo(
  candidates: readonly Target[],
  costOf: (target: Target) => number,
  random: () => number,
): Target | undefined {
  const first = draw(candidates, random);
  const second = draw(
    candidates.filter((target) => target !== first),
    random,
  );
  if (!first || !second) return first;
  return costOf(second) < costOf(first) ? second : first;
}

/** Requests in flight per unit of weight. */
function loadOf(target: Target): number {
  return target.inFlight / target.weight;
}

function expectedMs(target: Target, now: number): number {
  const isDoubtful = isUnknown(target) || target.hasFailedLately(now);
  const ms = target.latency.expectedMs(now) + (isDoubtful ? DOUBTFUL_MS : 0);
  return (ms * (target.inFlight + 1)) / target.weight;
}

function isUnknown(target: Target): boolean {
  return target.latency.ms === 0;
}

function draw(candidates: readonly Target[], random: () => number): Target | undefined {
  let left = random() * candidates.reduce((sum, target) => sum + target.weight, 0);
  for (const target of candidates) {
    left -= target.weight;
    if (left < 0) return target;
  }
  return candidates.at(-1);
}
