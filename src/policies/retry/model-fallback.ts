import type { Exchange } from '../../exchange/exchange.ts';
import type { ModelCall } from '../../exchange/model-call.ts';
import { isOffered } from '../../upstream/balancer.ts';
import type { ServiceTargets, Target } from '../../upstream/targets.ts';

/**
 * Moves a call to the next of its models that has a target, and picks that target, rather one that has not been tried.
 * `undefined` when there is none: then the call stays with its model.
 */
export function moveToFallback(
  service: ServiceTargets,
  exchange: Exchange,
  tried: readonly Target[],
): Target | undefined {
  const call = exchange.model;
  const model = call && fallbacksOf(call).find((each) => hasTarget(service, { ...call, model: each }));
  if (!model) return undefined;
  call.model = model;
  return service.pick(tried, exchange);
}

/** A model further down the list could be asked now. */
export function hasFallback(service: ServiceTargets, { model: call }: Exchange): boolean {
  return call !== undefined && fallbacksOf(call).some((model) => hasTarget(service, { ...call, model }));
}

function fallbacksOf({ candidates, model }: ModelCall): ModelCall['candidates'] {
  return candidates.slice(candidates.indexOf(model) + 1);
}

function hasTarget({ targets }: ServiceTargets, model: ModelCall): boolean {
  return targets.some((target) => isOffered(target, { model }));
}
