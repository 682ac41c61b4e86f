/** How often a budget resets, by the calendar of UTC. */
export type Every = 'day' | 'month';

export interface Period {
  /** `2026-11` or `2026-11-21`. */
  readonly name: string;
  /** Epoch milliseconds; the end is the start of the next. */
  readonly from: number;
  readonly to: number;
}

/** The day or month that a moment (epoch milliseconds) belongs to. */
export function findPeriod(every: Every, now: number): Period {
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const text = date.toISOString();
  return every === 'month'
    ? { name: text.slice(0, 7), from: Date.UTC(year, month, 1), to: Date.UTC(year, month + 1, 1) }
    : { name: text.slice(0, 10), from: Date.UTC(year, month, day), to: Date.UTC(year, month, day + 1) };
}
