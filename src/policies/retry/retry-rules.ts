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
  /**
   * `elsewhere`: only at a target that has not been tried, or with a fallback model; `next_model`: only with one of
   * these.
   */
  readonly where: 'anywhere' | 'elsewhere' | 'next_model';
  /** The upstream may have done, and billed, the work: one such repetition per request. */
  readonly mayBeBilled: boolean;
}

const ANYWHERE: RetryRule = { where: 'anywhere', mayBeBilled: false };
const ELSEWHERE: RetryRule = { where: 'elsewhere', mayBeBilled: false };
/** The same model would answer the same everywhere. */
export const NEXT_MODEL: RetryRule = { where: 'next_model', mayBeBilled: false };
const ELSEWHERE_ONCE: RetryRule = { where: 'elsewhere', mayBeBilled: true };

/** RFC 9110 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** Another attempt cannot help: the client, its body, its time or the gateway itself is the trouble. */
const FINAL: ReadonlySet<FailureKind> = new Set(['client_aborted', 'request_body', 'total_timeout', 'internal']);
/** The target was not asked at all; asking it again at once would end the same way. */
const LOCAL: ReadonlySet<FailureKind> = new Set(['overloaded', 'circuit_open']);

/** A rate-limited model call waits this long for the same target; beyond it only another place helps. */
export const LONGEST_RATE_LIMIT_MS = 5_000;

/**
 * What an answer of a model's API is worth trying again for. Not listed: 400, 413 and 422, which are the client's own; and
 * 401 and 403, which say that the gateway's credential is wrong, and which a fallback would only hide.
 */
const MODEL_STATUSES: Readonly<Record<number, RetryRule>> = {
  404: NEXT_MODEL,
  408: ELSEWHERE_ONCE,
  429: ELSEWHERE,
  500: ELSEWHERE_ONCE,
  502: ANYWHERE,
  503: ANYWHERE,
  504: ANYWHERE,
  529: ANYWHERE,
};

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
  // Of an upstream that did not take the request none of it can have been billed.
  if (repeatability === 'paid' && kind === 'write_timeout') return ELSEWHERE;
  if (repeatability === 'paid') return kind === 'reset' || kind === 'first_byte_timeout' ? ELSEWHERE_ONCE : undefined;
  return repeatability === 'repeatable' && kind === 'reset' ? ANYWHERE : undefined;
}

/** `undefined`: the answer goes to the client. `waitMs`: what the answer's `Retry-After` asks for. */
export function ruleForStatus(
  status: number,
  repeatability: Repeatability,
  waitMs: number | undefined,
): RetryRule | undefined {
  if (repeatability === 'once') return undefined;
  if (repeatability === 'repeatable') return status >= 502 && status <= 504 ? ANYWHERE : undefined;
  const isShortLimit = status === 429 && waitMs !== undefined && waitMs <= LONGEST_RATE_LIMIT_MS;
  return isShortLimit ? ANYWHERE : MODEL_STATUSES[status];
}
