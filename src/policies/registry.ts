import { authPolicy } from './auth/auth.policy.ts';
import { authorizePolicy } from './authorize/authorize.policy.ts';
import { bodyLimitPolicy } from './body-limit/body-limit.policy.ts';
import { circuitBreakerPolicy } from './circuit-breaker/circuit-breaker.policy.ts';
import { concurrencyPolicy } from './concurrency/concurrency.policy.ts';
import { cooldownPolicy } from './cooldown/cooldown.policy.ts';
import { corsPolicy } from './cors/cors.policy.ts';
import { headersPolicy } from './headers/headers.policy.ts';
import { idempotencyPolicy } from './idempotency/idempotency.policy.ts';
import { ipPolicy } from './ip/ip.policy.ts';
import { limitsPolicy } from './limits/limits.policy.ts';
import { modelRoutingPolicy } from './model-routing/model-routing.policy.ts';
import { pathsPolicy } from './paths/paths.policy.ts';
import type { AnyAccessPolicy, AnyAttemptPolicy, AnySendPolicy } from './policy.ts';
import { retryPolicy } from './retry/retry.policy.ts';
import { securityHeadersPolicy } from './security-headers/security-headers.policy.ts';
import { streamPolicy } from './stream/stream.policy.ts';
import { timeoutPolicy } from './timeout/timeout.policy.ts';

/**
 * The steps of the access phase, each with the policy that owns it: this is the order in which they run.
 * - Steps that cost nothing come first.
 * - The caller and its rights are known before anything is counted. The body is read only for callers under their limit.
 * - A request takes its place among the running ones before a limit is charged: one refused for want of a place is free.
 * - A replayed request is charged like any other.
 * - A long body is read only for a caller who has paid and has a place: the `early` steps do nothing for other requests.
 */
export const ACCESS_ORDER = [
  ['paths', pathsPolicy],
  ['headers', headersPolicy],
  ['timeout', timeoutPolicy],
  ['stream', streamPolicy],
  ['security_headers', securityHeadersPolicy],
  ['cors', corsPolicy],
  ['ip', ipPolicy],
  ['auth', authPolicy],
  ['authorize', authorizePolicy],
  ['body_limit', bodyLimitPolicy],
  ['limits.peek', limitsPolicy],
  ['concurrency.early', concurrencyPolicy],
  ['limits.early', limitsPolicy],
  ['models', modelRoutingPolicy],
  ['concurrency', concurrencyPolicy],
  ['limits.decide', limitsPolicy],
  ['models.list', modelRoutingPolicy],
  ['idempotency', idempotencyPolicy],
] as const satisfies readonly (readonly [step: string, policy: AnyAccessPolicy])[];

/**
 * How the upstream is called, outermost first: the first decides how often and at which target, the others stand before
 * each attempt. A retry therefore goes through the breaker of the target it picks.
 */
export const UPSTREAM_ORDER = [retryPolicy, circuitBreakerPolicy, cooldownPolicy] as const satisfies readonly [
  AnySendPolicy,
  ...AnyAttemptPolicy[],
];
