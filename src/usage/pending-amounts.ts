import type { RowAmounts } from './usage-row.ts';
import { dayOf } from './usage-report.ts';

interface DayAmounts {
  readonly day: number;
  inputTokens: number;
  outputTokens: number;
  costNanoUsd: number;
  rows: number;
}

/** Amounts used that the database does not hold yet: added when recorded, subtracted once stored. */
export class PendingAmounts {
  /** Moves on whenever something has gone to the database. */
  version = 0;
  /** Something is on its way there, and may have arrived already. */
  isMoving = false;
  private readonly consumers = new Map<string, DayAmounts[]>();

  add(row: RowAmounts): void {
    const day = dayOf(row.startedAt);
    const days = this.consumers.get(row.consumer) ?? [];
    this.consumers.set(row.consumer, days);
    let amounts = days.find((known) => known.day === day);
    if (!amounts) {
      amounts = { day, inputTokens: 0, outputTokens: 0, costNanoUsd: 0, rows: 0 };
      days.push(amounts);
    }
    change(amounts, row, 1);
  }

  subtract(rows: readonly RowAmounts[]): void {
    this.version += 1;
    for (const row of rows) {
      const days = this.consumers.get(row.consumer) ?? [];
      const at = days.findIndex(({ day }) => day === dayOf(row.startedAt));
      const amounts = days[at];
      if (!amounts) continue;
      change(amounts, row, -1);
      if (amounts.rows === 0) days.splice(at, 1);
      if (days.length === 0) this.consumers.delete(row.consumer);
    }
  }

  /** By day since the epoch. */
  of(consumer: string): readonly Readonly<DayAmounts>[] {
    return this.consumers.get(consumer) ?? [];
  }
}

function change(amounts: DayAmounts, row: RowAmounts, sign: 1 | -1): void {
  amounts.rows += sign;
  amounts.inputTokens += sign * row.inputTokens;
  amounts.outputTokens += sign * row.outputTokens;
  amounts.costNanoUsd += sign * row.costNanoUsd;
}
