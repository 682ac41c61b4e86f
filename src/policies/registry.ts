import { authPolicy } from './auth/auth.policy.ts';
import { authorizePolicy } from './authorize/authorize.policy.ts';
import { bodyLimitPolicy } from './body-limit/body-limit.policy.ts';
import { circuitBreakerPolicy } from './circuit-breaker/circuit-breaker.policy.ts';
import { concurrencyPolicy } from './concurrency/concurrency.policy.ts';
import { corsPolicy } from './cors/cors.policy.ts';
import { headersPolicy } from './headers/headers.policy.ts';
import { idempotencyPolicy } from './idempotency/idempotency.policy.ts';
import { ipPolicy } from './ip/ip.policy.ts';
import { limitsPolicy } from './limits/limits.policy.ts';
import { modelRoutingPolicy } from './model-routing/model-routing.policy.ts';
import { pathsPolicy } from './paths/paths.policy.ts';
import { retryPolicy } from './retry/retry.policy.ts';
import { streamPolicy } from './stream/stream.policy.ts';
import { timeoutPolicy } from './timeout/timeout.policy.ts';

/**
 * Every step of the access phase with the policy that owns it, in the order in which a request meets them. What costs
 * nothing comes first; who calls and what it may do is known before anything is counted, and what that needs of the body
 * is read only of callers who are not over their limit; a place among the running requests is taken
 * before a limit is charged, so that a request refused for want of a place costs nothing; a repetition is a request too,
 * and pays for being one before it gets its answer.
 */
export const ACCESS_ORDER = [
  ['paths', pathsPolicy],
  ['headers', headersPolicy],
  ['timeout', timeoutPolicy],
  ['stream', streamPolicy],
  ['cors', corsPolicy],
  ['ip', ipPolicy],
  ['auth', authPolicy],
  ['authorize', authorizePolicy],
  ['body_limit', bodyLimitPolicy],
  ['limits.peek', limitsPolicy],
  ['models', modelRoutingPolicy],
  ['concurrency', concurrencyPolicy],
  ['limits.decide', limitsPolicy],
  ['models.list', modelRoutingPolicy],
  ['idempotency', idempotencyPolicy],
] as const;

/** How the upstream is called, outermost first: each retry goes through the breaker of the target it picks. */
export const UPSTREAM_ORDER = [retryPolicy, circuitBreakerPolicy] as const;
