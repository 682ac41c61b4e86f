import type { Knex } from 'knex';
import type { Database } from './database.ts';

interface Row {
  readonly key: string;
  readonly ends_at: number | string;
  readonly units: number | string;
}

interface Change {
  /** Epoch milliseconds. */
  readonly endsAt: number;
  units: number;
}

const TABLE = 'budget_counts';
const WRITE_MS = 1_000;
const FORGET_MS = 3_600_000;
const ROWS_PER_STATEMENT = 200;

/**
 * Stores the use of budgets for a gateway that counts in its own memory. Counts are read at start, and additions are
 * written every second. A gateway that is killed loses the last second.
 */
export class BudgetCounts {
  private readonly database: Database;
  /** Counts of current budgets: a count that was evicted from memory starts again from this value. */
  private readonly used = new Map<string, Change>();
  private changes = new Map<string, Change>();
  private writing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly now: () => number;
  private lookAgainAt = 0;

  private constructor(database: Database, now: () => number) {
    this.database = database;
    this.now = now;
  }

  /** Reads what was used of the budgets that are not over, and forgets the others. `now`: epoch milliseconds. */
  static async open(database: Database, now: () => number): Promise<BudgetCounts> {
    const counts = new BudgetCounts(database, now);
    await database.knex(TABLE).where('ends_at', '<=', now()).delete();
    const rows: Row[] = await database.reader(TABLE).select('key', 'ends_at', 'units');
    for (const { key, ends_at, units } of rows)
      counts.used.set(key, { endsAt: Number(ends_at), units: Math.max(0, Number(units)) });
    return counts;
  }

  /** The amount used so far, by this process and before it started. */
  usedBefore(key: string): number {
    return Math.max(0, this.used.get(key)?.units ?? 0);
  }

  /** Notes units that are used, or below 0 given back, of a budget that ends at `endsAt` (epoch milliseconds). */
  add(key: string, endsAt: number, units: number): void {
    if (units === 0) return;
    addTo(this.used, key, endsAt, units);
    addTo(this.changes, key, endsAt, units);
    this.timer ??= setTimeout(() => void this.write(), WRITE_MS).unref();
  }

  async close(): Promise<void> {
    await this.writing;
    await this.write();
    clearTimeout(this.timer);
  }

  /** Never rejects: counts that cannot be written are kept for the next attempt. */
  private write(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const changes = this.changes;
    this.changes = new Map();
    this.writing = this.store([...changes]).catch(() => {
      for (const [key, { endsAt, units }] of changes) addTo(this.changes, key, endsAt, units);
      this.timer ??= setTimeout(() => void this.write(), WRITE_MS).unref();
    });
    this.forgetEnded();
    return this.writing;
  }

  /** Removes finished budgets once an hour. */
  private forgetEnded(): void {
    const now = this.now();
    if (now < this.lookAgainAt) return;
    this.lookAgainAt = now + FORGET_MS;
    for (const [key, { endsAt }] of this.used) if (endsAt <= now) this.used.delete(key);
  }

  /** All or nothing. */
  private async store(changes: readonly [string, Change][]): Promise<void> {
    if (changes.length === 0) return;
    await this.database.knex.transaction(async (trx) => {
      for (let i = 0; i < changes.length; i += ROWS_PER_STATEMENT)
        await addUnits(trx, changes.slice(i, i + ROWS_PER_STATEMENT));
    });
  }
}

function addTo(counts: Map<string, Change>, key: string, endsAt: number, units: number): void {
  const known = counts.get(key);
  if (known) known.units += units;
  else counts.set(key, { endsAt, units });
}

function addUnits(trx: Knex.Transaction, changes: readonly [string, Change][]): Promise<unknown> {
  const rows = changes.map(([key, { endsAt, units }]) => ({ key, ends_at: endsAt, units }));
  return trx(TABLE)
    .insert(rows)
    .onConflict('key')
    .merge({ units: trx.raw('?? + excluded.units', [`${TABLE}.units`]) });
}
