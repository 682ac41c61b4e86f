import type { Rule, Taking, Verdict } from './rule.ts';

/** Cells that have left are cut off in batches of this many: removing from the front of an array costs its length. */
const CUT_AFTER = 64;

/**
 * Requests of the last window, gathered in at most 121 cells. A cell opens with a request, takes what follows until it
 * holds a hundredth of the limit or is a twentieth of the window old, and leaves whole, one window after its *last*
 * request. So the total never misses a request of the true window (the limit holds in every one), and counts a request
 * too long by little: 99.1 % of what an exact log admits in the worst of 300 simulated patterns. Cells cut by time
 * alone (120 of them) fall to 98.4 % when callers keep knocking.
 */
export interface SlidingState {
  total: number;
  /** When the newest cell opened. */
  openedAt: number;
  /** Cells before this index have left; the arrays are cut from time to time. */
  first: number;
  readonly counts: number[];
  readonly lasts: number[];
}

export function createSliding(): SlidingState {
  return { total: 0, openedAt: 0, first: 0, counts: [], lasts: [] };
}

/** Forgets what has left the window and says what a request of this cost would meet. Charges nothing. */
export function weighSliding(state: SlidingState, rule: Rule, now: number, cost: number): Verdict {
  forget(state, rule, now);
  const remaining = rule.capacity - state.total;
  const admitted = cost <= remaining;
  return {
    admitted,
    remaining: Math.max(0, remaining),
    resetUs: state.total === 0 ? 0 : newestOf(state) + rule.windowUs - now,
    retryUs: admitted ? 0 : findRetry(state, rule, now, cost - remaining),
  };
}

/** Counts an admitted request; `verdict` is what `weighSliding` said at the same `now`. */
export function chargeSliding(state: SlidingState, rule: Rule, now: number, taking: Taking, verdict: Verdict): void {
  const { counts, lasts } = state;
  const { cost, holdUs = 0 } = taking;
  // Neither a clock that went back a little nor what is held may split the order of the cells.
  const at = state.total === 0 ? now + holdUs : Math.max(now + holdUs, newestOf(state));
  const newest = counts.length - 1;
  if (state.total === 0 || isClosed(state, rule, at)) {
    counts.push(cost);
    lasts.push(at);
    state.openedAt = at;
  } else {
    counts[newest] = (counts[newest] as number) + cost;
    lasts[newest] = at;
  }
  state.total += cost;
  verdict.remaining = Math.max(0, verdict.remaining - cost);
  verdict.resetUs = at + rule.windowUs - now;
}

/**
 * Gives back what was counted at `at`, unless its window is over. It goes from the cell of that moment, then from older
 * ones, never from newer: what stays in the total leaves it no sooner than what was really used.
 */
export function refundSliding(state: SlidingState, rule: Rule, now: number, units: number, at: number): void {
  forget(state, rule, now);
  if (state.total === 0 || at + rule.windowUs <= now) return;
  const { counts, lasts } = state;
  let index = lasts.findIndex((last, i) => i >= state.first && last >= at);
  // Requests decided together are counted at one moment, large ones in a cell each.
  while (lasts[index + 1] === at) index += 1;
  let left = units;
  for (; left > 0 && index >= state.first; index--) {
    const taken = Math.min(left, counts[index] as number);
    counts[index] = (counts[index] as number) - taken;
    state.total -= taken;
    left -= taken;
    join(state, rule, index + 1);
    join(state, rule, index);
  }
  if (state.total === 0) clear(state);
}

/** Lets a cell and the one before it leave together, at the later time, when they are small: so that cells stay few. */
function join(state: SlidingState, rule: Rule, index: number): void {
  const { counts, lasts } = state;
  if (index <= state.first || index >= counts.length) return;
  const count = (counts[index - 1] as number) + (counts[index] as number);
  const isNear = (lasts[index] as number) - (lasts[index - 1] as number) < rule.cellUs;
  if (counts[index - 1] !== 0 && (count > rule.cellSize || !isNear)) return;
  counts.splice(index - 1, 2, count);
  lasts.splice(index - 1, 1);
}

function isClosed(state: SlidingState, rule: Rule, at: number): boolean {
  const newest = state.counts[state.counts.length - 1] as number;
  return newest >= rule.cellSize || at - state.openedAt >= rule.cellUs;
}

function newestOf(state: SlidingState): number {
  return state.lasts[state.lasts.length - 1] as number;
}

function forget(state: SlidingState, rule: Rule, now: number): void {
  const { counts, lasts } = state;
  if (state.total === 0) return;
  const newest = newestOf(state);
  // Everything is older than a window, or the clock jumped back so far that the state says nothing about the present.
  if (newest + rule.windowUs <= now || newest - now > rule.windowUs) {
    clear(state);
    return;
  }
  while ((lasts[state.first] as number) + rule.windowUs <= now) {
    state.total -= counts[state.first] as number;
    state.first += 1;
  }
  if (state.first > CUT_AFTER) {
    counts.splice(0, state.first);
    lasts.splice(0, state.first);
    state.first = 0;
  }
}

function clear(state: SlidingState): void {
  state.total = 0;
  state.first = 0;
  state.counts.length = 0;
  state.lasts.length = 0;
}

/** When enough of the oldest cells have left to free `needed`. */
function findRetry(state: SlidingState, rule: Rule, now: number, needed: number): number {
  // More was asked than ever fits: there is no right time to come back.
  if (state.total === 0) return rule.windowUs;
  let index = state.first;
  let freed = state.counts[index] as number;
  while (freed < needed && index < state.counts.length - 1) {
    index += 1;
    freed += state.counts[index] as number;
  }
  return (state.lasts[index] as number) + rule.windowUs - now;
}
