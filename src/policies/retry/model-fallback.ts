import { GatewayError } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { ModelCall } from '../../exchange/model-call.ts';
import { isOffered } from '../../upstream/balancer.ts';
import type { ServiceTargets, Target } from '../../upstream/targets.ts';

/**
 * Moves a call to the next of its models that has a target which can be asked for it, and picks that target, rather one
 * that has not been tried. `undefined` when there is none: then the call stays with its model.
 */
export function moveToFallback(
  service: ServiceTargets,
  exchange: Exchange,
  tried: readonly Target[],
): Target | undefined {
  const { model: call } = exchange;
  if (!call) return undefined;
  const { model: asked } = call;
  for (const model of fallbacksOf(call)) {
    call.model = model;
    const target = service.pick(tried, exchange);
    if (target && canBeAsked(exchange, target)) return target;
  }
  call.model = asked;
  return undefined;
}

/** Not every provider takes every request. What is made here is kept for the attempt. */
function canBeAsked(exchange: Exchange, target: Target): boolean {
  try {
    const { plan } = exchange;
    if (plan?.check) plan.check(exchange, target);
    else plan?.requestFor(exchange, target);
    return true;
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
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
