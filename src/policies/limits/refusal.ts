import { Rejection } from '../../errors/rejection.ts';
import { amountText } from './amount-text.ts';
import type { Charge } from '../../counters/counter-store.ts';
import type { Verdict } from '../../counters/rules/rule.ts';
import { fromUnits } from '../../counters/units.ts';

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
 * The refusal of a request by a line: 429 with the wait after which it is admitted unless others come first. Callers of a
 * shared line wait up to a tenth longer, each a different part, so that they do not all return at once.
 */
export function refuse(charge: Charge, verdict: Verdict, clock: RefusalClock): Rejection {
  const { line } = charge;
  if (line.every !== undefined) return refuseByBudget(charge, verdict, clock);
  const { limit, capacity, windowUs } = line.rule;
  const wait = waitOf(charge, verdict, clock);
  const name = `${amountText(limit, line.unit)} per ${nameWindow(windowUs)}`;
  const isHopeless = charge.cost > capacity;
  const end = isHopeless ? TOO_LARGE : `${leftText(charge, verdict)}; retry after ${secondsText(wait.seconds)}.`;
  return new Rejection('RATE_LIMIT_EXCEEDED', `Rate limit exceeded: ${name}${end}`, {
    headers: { ...wait.headers, ...(isHopeless && GIVE_UP) },
    facts: {
      ...factsOf(charge, verdict, wait.seconds),
      // Texts that name the window speak of requests.
      ...(line.unit === 'requests' && { limitType: WINDOW_NAMES.get(windowUs / 1000) ?? `${windowUs / 1_000_000}s` }),
      resetAtMs: clock.nowMs + Math.ceil(verdict.resetUs / 1000),
    },
  });
}

/** The same by a day's or a month's budget. It asks clients not to retry, unless running requests may give some back. */
function refuseByBudget(charge: Charge, verdict: Verdict, clock: RefusalClock): Rejection {
  const { rule, unit, every } = charge.line;
  const { nowMs } = clock;
  const endMs = rule.endUs / 1000;
  const isReserved = verdict.retryUs < endMs * 1000 - nowMs * 1000 - 1_000_000;
  const wait = waitOf(charge, verdict, isReserved ? clock : { ...clock, jitter: 0 });
  const hint = isReserved
    ? `running requests have reserved the rest, retry after ${secondsText(wait.seconds)}.`
    : `it resets at ${new Date(endMs).toISOString().slice(0, 19)}Z.`;
  const end = charge.cost > rule.capacity ? TOO_LARGE : `${leftText(charge, verdict)}; ${hint}`;
  return new Rejection('BUDGET_EXCEEDED', `Budget exceeded: ${amountText(rule.limit, unit)} per ${every}${end}`, {
    headers: { ...wait.headers, ...(!isReserved && GIVE_UP) },
    facts: { ...factsOf(charge, verdict, wait.seconds), resetAtMs: endMs },
  });
}

/** No wait helps a request that may use more than the whole limit. */
const TOO_LARGE = ', and this request may use more than that; reduce max_tokens or the prompt.';
const GIVE_UP = { 'x-should-retry': 'false' };

/** The refusal while the shared counts are out of reach and the configuration says `on_store_failure: closed`. */
export function refuseUnavailable(): Rejection {
  const detail = 'The rate limit store does not answer. Retry shortly.';
  return new Rejection('STORE_UNAVAILABLE', detail, {
    headers: { 'Retry-After': '1' },
    facts: { retryAfterSeconds: 1 },
  });
}

/** Refuses a request whose use cannot be counted when the caller has a limit on tokens or money. */
export function refuseUnmetered(operation: string): Rejection {
  const detail = `${operation} cannot be metered, and your use of tokens or money is limited.`;
  return new Rejection('FORBIDDEN', `${detail} To allow it, set "unmetered: allow" on the service.`);
}

function waitOf({ line }: Charge, verdict: Verdict, { jitter }: RefusalClock) {
  const waitMs = Math.max(1, Math.ceil((verdict.retryUs / 1000) * (line.isShared ? 1 + jitter / 10 : 1)));
  const seconds = Math.ceil(waitMs / 1000);
  return { seconds, headers: { 'Retry-After': String(seconds), 'retry-after-ms': String(waitMs) } };
}

function factsOf({ line }: Charge, verdict: Verdict, retryAfterSeconds: number) {
  const { limit, capacity } = line.rule;
  const currentCount = fromUnits(capacity - verdict.remaining, line.unit);
  return { retryAfterSeconds, limit: fromUnits(limit, line.unit), currentCount };
}

/** What is left of a caller's own line, and what the request may use of it where that is not simply one request. */
function leftText({ line, cost }: Charge, { remaining }: Verdict): string {
  const { unit, isShared } = line;
  const left = isShared ? ' (shared with other callers)' : `, ${amountText(remaining, unit)} left`;
  return unit === 'requests' ? left : `${left}, and this request may use up to ${amountText(cost, unit)}`;
}

function secondsText(seconds: number): string {
  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}

function nameWindow(windowUs: number): string {
  return WINDOW_NAMES.get(windowUs / 1000) ?? `${windowUs / 1_000_000} seconds`;
}
