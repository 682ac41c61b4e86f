import type { Rule, Taking, Verdict } from './rule.ts';

/**
 * What was used of a budget in one day or month, and what running requests have reserved of it. Reservations end by
 * themselves when nobody renews them, because who made them may have died: they are summed up by the half-minute in which
 * they end, so that there are never more than a few sums, however many requests run.
 */
export interface CalendarState {
  count: number;
  /** Reserved units by the number of the half-minute, since the epoch, at whose end they are free again. */
  readonly held: Map<number, number>;
}

/** A reservation lasts between this long … */
export const HOLD_US = 120_000_000;
/** … and this much longer. */
export const SLOT_US = 30_000_000;

export function createCalendar(): CalendarState {
  return { count: 0, held: new Map() };
}

/** Frees what was reserved for too long and says what a request of this cost would meet. Charges nothing. */
export function weighCalendar(state: CalendarState, rule: Rule, now: number, cost: number): Verdict {
  const { used, freeAt } = lookAt(state, now);
  const remaining = rule.capacity - used;
  const untilEnd = Math.max(0, rule.endUs - now);
  const admitted = cost <= remaining;
  const isOnlyHeld = state.count + cost <= rule.capacity;
  return {
    admitted,
    remaining: Math.max(0, remaining),
    resetUs: used === 0 ? 0 : untilEnd,
    retryUs: admitted ? 0 : isOnlyHeld ? Math.min(untilEnd, freeAt - now) : untilEnd,
  };
}

/** Counts or reserves; `verdict` is what `weighCalendar` said at the same `now`. */
export function chargeCalendar(state: CalendarState, rule: Rule, now: number, taking: Taking, verdict: Verdict): void {
  if (taking.isReserved) hold(state, taking.cost, now);
  else state.count += taking.cost;
  verdict.remaining = Math.max(0, verdict.remaining - taking.cost);
  verdict.resetUs = Math.max(0, rule.endUs - now);
}

/** How a reservation is corrected. */
export interface HoldChange {
  /** Units that were reserved at the moment the correction names. */
  readonly released: number;
  /** Reserved again as of this moment, in the store's microseconds. Default: no more. */
  readonly renewedAt?: number | undefined;
}

/** Counts `units` more (or fewer, below 0), and ends or renews a reservation made at `at`. */
export function correctCalendar(
  state: CalendarState,
  now: number,
  units: number,
  { at, change }: { at: number; change: HoldChange | undefined },
): void {
  lookAt(state, now);
  if (change) release(state, change.released, at);
  if (change?.renewedAt !== undefined) hold(state, change.released, change.renewedAt);
  state.count = Math.max(0, state.count + units);
}

function lookAt({ count, held }: CalendarState, now: number): { used: number; freeAt: number } {
  let used = count;
  let freeAt = now;
  for (const [slot, units] of held) {
    const endsAt = (slot + 1) * SLOT_US;
    if (endsAt <= now) held.delete(slot);
    else {
      used += units;
      freeAt = Math.max(freeAt, endsAt);
    }
  }
  return { used, freeAt };
}

function hold({ held }: CalendarState, units: number, at: number): void {
  const slot = slotOf(at);
  held.set(slot, (held.get(slot) ?? 0) + units);
}

function release({ held }: CalendarState, units: number, at: number): void {
  const slot = slotOf(at);
  const left = (held.get(slot) ?? 0) - units;
  if (left > 0) held.set(slot, left);
  else held.delete(slot);
}

function slotOf(at: number): number {
  return Math.floor((at + HOLD_US) / SLOT_US);
}
