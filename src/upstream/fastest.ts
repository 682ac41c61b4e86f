import type { Model } from '../exchange/model-call.ts';
import type { LatencyAverage } from './latency-average.ts';
import type { Target } from './targets.ts';

interface Offer {
  readonly model: Model;
  readonly average: LatencyAverage;
  readonly expectedMs: number;
}

/**
 * The model that answers soonest these days, by its time to response headers at the best target that may be offered
 * requests; `undefined` when no target is available for any. A model without a figure, or with one that has grown old,
 * gets a request now and then, so that it has one. `now` is monotonic milliseconds; `random` is uniform in [0, 1).
 */
export function pickFastest(
  targets: readonly Target[],
  models: readonly Model[],
  now: number = performance.now(),
  random: () => number = Math.random,
): Model | undefined {
  const offers = models.flatMap((model) => offersOf(targets, model, now));
  const soonest = Math.min(...offers.map(({ expectedMs }) => expectedMs));
  const best = offers.filter(({ expectedMs }) => expectedMs === soonest);
  const chosen = best[Math.floor(random() * best.length)];
  chosen?.average.startTrial(now);
  return chosen?.model;
}

function offersOf(targets: readonly Target[], model: Model, now: number): Offer[] {
  return targets
    .filter((target) => target.isAvailable && target.serves(model.name))
    .map((target) => {
      const average = target.latencyOf(model.name);
      return {
        model,
        average,
        expectedMs: target.hasFailedLately(now) ? Number.POSITIVE_INFINITY : average.expectedMs(now),
      };
    });
}
