import type { ModelCall } from '../exchange/model-call.ts';
import { isSuitable } from './balancer.ts';
import type { ServiceTargets, Target } from './targets.ts';

interface EndOfRest {
  readonly target: Target;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** The first end of a rest among all that may answer this call; `undefined` when one of them need not be waited for. */
export function firstToReturn({ targets }: ServiceTargets, call: ModelCall, now: number): EndOfRest | undefined {
  let first: EndOfRest | undefined;
  for (const model of call.candidates) {
    for (const target of targets) {
      if (!target.isAvailable || !isSuitable(target, { model: { ...call, model } })) continue;
      const at = target.rests.endOf(model.name, now);
      if (at === 0) return undefined;
      if (!first || at < first.at) first = { target, at };
    }
  }
  return first;
}

/** Another place than this target could take the call over, now or later. */
export function hasAlternative({ targets }: ServiceTargets, call: ModelCall, target: Target): boolean {
  if (call.candidates.at(-1) !== call.model) return true;
  return targets.some((other) => other !== target && isSuitable(other, { model: call }));
}
