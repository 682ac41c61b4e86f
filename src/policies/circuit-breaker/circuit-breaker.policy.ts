import { type Attempt, type FailureKind, UpstreamFailure } from '../../upstream/attempt.ts';
import { outcomeOfError, outcomeOfStatus } from '../../upstream/classify.ts';
import type { Target } from '../../upstream/targets.ts';
import { defineAttemptPolicy } from '../policy.ts';
import type { Admission, Breaker } from './breaker.ts';
import { CircuitBreakerSchema } from './schema.ts';

/** Refuses calls to a target whose circuit is open with the local failure `circuit_open`. */
export const circuitBreakerPolicy = defineAttemptPolicy({
  name: 'circuit_breaker',
  phase: 'attempt',
  schema: CircuitBreakerSchema,
  errors: ['CIRCUIT_OPEN'],
  create: (config, deps, targets) => {
    const breakers = deps.breakers.of(targets, config);
    return (next) => guard(breakers, next);
  },
});

/** Puts each target's circuit before `next`; targets without one are not guarded. */
export function guard(breakers: ReadonlyMap<Target, Breaker>, next: Attempt): Attempt {
  return (exchange, target) => {
    const breaker = breakers.get(target);
    if (!breaker) return next(exchange, target);
    const admission = breaker.admit(exchange);
    if (!admission) return Promise.reject(new UpstreamFailure('circuit_open', false));
    return settleWith(admission, next(exchange, target));
  };
}

/** No connection came about, and no request can have brought that about. */
const PLAIN: ReadonlySet<FailureKind> = new Set<FailureKind>(['refused', 'dns', 'tls']);

function isPlainFailure(error: unknown): boolean {
  return error instanceof UpstreamFailure && PLAIN.has(error.kind);
}

async function settleWith(admission: Admission, attempt: ReturnType<Attempt>): ReturnType<Attempt> {
  try {
    const answer = await attempt;
    admission.settle(outcomeOfStatus(answer.status));
    answer.onBroken(() => admission.break());
    return answer;
  } catch (error) {
    admission.settle(outcomeOfError(error), isPlainFailure(error));
    throw error;
  }
}
