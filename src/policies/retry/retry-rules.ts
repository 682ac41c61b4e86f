import type { FailureKind } from '../../upstream/attempt.ts';
import type { ServiceTargets } from '../../upstream/targets.ts';
import type { RetryConfig } from './schema.ts';

/** What the retry policy knows about repeating a request that may have reached the upstream. */
export type Repeatability =
  | 'repeatable' // idempotent by RFC 9110 9.2.2, or declared so by `methods: all`
  | 'paid' // a model call: repeating it is harmless but may be billed twice
  | 'once'; // must not run twice

/** Where a failed attempt may be repeated. */
export interface RetryRule {
  /** `elsewhere`: only at a target that has not been tried. */
  readonly where: 'anywhere' | 'elsewhere';
  /** The upstream may have done, and billed, the work: one such repetition per request. */
  readonly mayBeBilled: boolean;
}

const ANYWHERE: RetryRule = { where: 'anywhere', mayBeBilled: false };
const ELSEWHERE: RetryRule = { where: 'elsewhere', mayBeBilled: false };
const ELSEWHERE_ONCE: RetryRule = { where: 'elsewhere', mayBeBilled: true };

/** RFC 9110 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** Another attempt cannot help: the client, its body, its time or the gateway itself is the trouble. */
const FINAL: ReadonlySet<FailureKind> = new Set(['client_aborted', 'request_body', 'total_timeout', 'internal']);
/** The target was not asked at all; asking it again at once would end the same way. */
const LOCAL: ReadonlySet<FailureKind> = new Set(['overloaded', 'circuit_open']);

/** A rate-limited model call waits this long for the same target; beyond it only another target helps. */
const LONGEST_RATE_LIMIT_MS = 5_000;

export function repeatabilityOf(
  method: string,
  kind: ServiceTargets['kind'],
  methods: RetryConfig['methods'],
): Repeatability {
  if (kind !== 'http' && method === 'POST') return 'paid';
  return methods === 'all' || IDEMPOTENT.has(method) ? 'repeatable' : 'once';
}

/** `undefined`: the failure is final. `sent`: whether the request can have reached the upstream. */
export function ruleForFailure(kind: FailureKind, sent: boolean, repeatability: Repeatability): RetryRule | undefined {
  if (FINAL.has(kind)) return undefined;
  if (LOCAL.has(kind)) return ELSEWHERE;
  if (!sent) return ANYWHERE;
  if (repeatability === 'paid') return kind === 'reset' || kind === 'first_byte_timeout' ? ELSEWHERE_ONCE : undefined;
  return repeatability === 'repeatable' && kind === 'reset' ? ANYWHERE : undefined;
}

/** `undefined`: the answer goes to the client. `waitMs`: what the answer's `Retry-After` asks for. */
export function ruleForStatus(
  status: number,
  repeatability: Repeatability,
  waitMs: number | undefined,
): RetryRule | undefined {
  const isGatewayError = status === 502 || status === 503 || status === 504;
  if (repeatability === 'repeatable') return isGatewayError ? ANYWHERE : undefined;
  if (repeatability === 'once') return undefined;
  if (isGatewayError || status === 529) return ANYWHERE;
  if (status === 408 || status === 500) return ELSEWHERE_ONCE;
  if (status !== 429) return undefined;
  return waitMs !== undefined && waitMs <= LONGEST_RATE_LIMIT_MS ? ANYWHERE : ELSEWHERE;
}
