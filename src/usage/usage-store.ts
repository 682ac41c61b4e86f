import type { Database } from '../storage/database.ts';
import { usageSqlFor } from './usage-sql.ts';

/** How many requests this process answered in a minute, of one consumer, route and status. */
export interface MinuteCount {
  /** Since the epoch. */
  readonly minute: number;
  /** Empty for unauthenticated requests. */
  readonly consumer: string;
  readonly service: string;
  readonly route: string;
  readonly status: number;
  /** They have records of their own. */
  readonly isRecorded: boolean;
  requests: number;
}

/** PostgreSQL: data exception, integrity violation. SQLite: too big, constraint, mismatch. Asking again cannot help. */
const UNSTORABLE_CLASSES = /^2[23]/;
const UNSTORABLE_CODES = new Set([18, 19, 20]);
const DELETED_AT_ONCE = 500;
const MINUTES_DELETED_AT_ONCE = 10;

/** The usage data in the database. */
export class UsageStore {
  private readonly database: Database;
  private readonly sql: ReturnType<typeof usageSqlFor>;

  constructor(database: Database) {
    this.database = database;
    this.sql = usageSqlFor(database.kind);
  }

  /**
   * Keeps records, each the text of one row, and adds them to the sums of their day. What is there already is left as it
   * is and added to nothing. `onUnstorable` hears of single records that the database will never take; for every other
   * failure it rejects and has kept nothing, or all.
   */
  async insert(texts: readonly string[], onUnstorable: (text: string, error: unknown) => void): Promise<void> {
    try {
      await this.run(this.sql.insertRecords, [`[${texts.join(',')}]`]);
    } catch (error) {
      if (!isUnstorable(error)) throw error;
      if (texts.length === 1) return onUnstorable(texts[0] as string, error);
      const half = texts.length >> 1;
      await this.insert(texts.slice(0, half), onUnstorable);
      await this.insert(texts.slice(half), onUnstorable);
    }
  }

  /** Replaces the earlier counts of the same process for these minutes. */
  async replaceMinutes(counts: readonly MinuteCount[], instance: string): Promise<void> {
    const rows = counts.map((count) => [
      count.minute,
      count.consumer,
      count.service,
      count.route,
      count.status,
      count.isRecorded ? 1 : 0,
      count.requests,
    ]);
    await this.run(this.sql.insertMinutes, [JSON.stringify(rows), instance]);
  }

  /** Removes what began before this moment, a part per transaction, so that others can write in between. */
  async prune(before: number): Promise<void> {
    while (await this.pruneRecords(before));
    while (await this.pruneMinutes(Math.floor(before / 60_000)));
  }

  private async run(statements: readonly string[], bindings: readonly string[]): Promise<void> {
    await this.database.knex.transaction(async (trx) => {
      for (const statement of statements) await trx.raw(statement, bindings);
    });
  }

  /** Looked up outside the deletion, which on SQLite keeps everybody else from writing. */
  private async pruneRecords(before: number): Promise<boolean> {
    const { knex, reader } = this.database;
    const ids: string[] = await reader('usage_records')
      .where('started_at', '<', before)
      .orderBy('started_at')
      .limit(DELETED_AT_ONCE)
      .pluck('id');
    if (ids.length > 0) await knex('usage_records').whereIn('id', ids).delete();
    return ids.length === DELETED_AT_ONCE;
  }

  private async pruneMinutes(before: number): Promise<boolean> {
    const { knex, reader } = this.database;
    const oldest: { minute: number } | undefined = await reader('usage_minutes').orderBy('minute').first('minute');
    if (!oldest || oldest.minute >= before) return false;
    const end = Math.min(before, oldest.minute + MINUTES_DELETED_AT_ONCE);
    await knex('usage_minutes').where('minute', '<', end).delete();
    return end < before;
  }
}

function isUnstorable(error: unknown): boolean {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
  if (typeof errcode === 'number') return UNSTORABLE_CODES.has(errcode & 0xff);
  return typeof code === 'string' && code.length === 5 && UNSTORABLE_CLASSES.test(code);
}
