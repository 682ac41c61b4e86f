import { Rejection } from '../../errors/rejection.ts';
import type { Line } from './line.ts';
import type { Verdict } from './rule.ts';

interface RefusalClock {
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** From 0 to 1: what part of a tenth of the wait is added for shared limits. */
  readonly jitter: number;
}

const WINDOW_NAMES: ReadonlyMap<number, string> = new Map([
  [1_000, 'second'],
  [60_000, 'minute'],
  [3_600_000, 'hour'],
  [86_400_000, 'day'],
]);

/**
 * The refusal of a request by a line: 429 with the wait after which it is admitted if nothing else is meanwhile. Callers
 * of a shared line get up to a tenth more, each a different part, so that they do not all return at once.
 */
export function refuse(line: Line, verdict: Verdict, { nowMs, jitter }: RefusalClock): Rejection {
  const { limit, capacity, windowUs } = line.rule;
  const waitMs = Math.max(1, Math.ceil((verdict.retryUs / 1000) * (line.isShared ? 1 + jitter / 10 : 1)));
  const seconds = Math.ceil(waitMs / 1000);
  const detail = `Rate limit exceeded: ${count(limit, 'request')} per ${nameWindow(windowUs)}. Retry after ${count(seconds, 'second')}.`;
  return new Rejection('RATE_LIMIT_EXCEEDED', detail, {
    headers: { 'Retry-After': String(seconds), 'retry-after-ms': String(waitMs) },
    facts: {
      retryAfterSeconds: seconds,
      limit,
      currentCount: capacity - verdict.remaining,
      limitType: WINDOW_NAMES.get(windowUs / 1000) ?? `${windowUs / 1_000_000}s`,
      resetAtMs: nowMs + Math.ceil(verdict.resetUs / 1000),
    },
  });
}

/** The refusal while the shared counts are out of reach and the configuration says `on_store_failure: closed`. */
export function refuseUnavailable(): Rejection {
  const detail = 'The rate limit store does not answer. Retry shortly.';
  return new Rejection('STORE_UNAVAILABLE', detail, {
    headers: { 'Retry-After': '1' },
    facts: { retryAfterSeconds: 1 },
  });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function nameWindow(windowUs: number): string {
  return WINDOW_NAMES.get(windowUs / 1000) ?? `${windowUs / 1_000_000} seconds`;
}
