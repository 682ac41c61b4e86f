import { setTimeout as wait } from 'node:timers/promises';
import type { Knex } from 'knex';
import Sqlite3 from 'knex/lib/dialects/sqlite3/index.js';
import { isSqliteBusy } from './database-error.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import type { SqliteValue } from './sqlite-protocol.ts';

export interface SqliteSettings {
  readonly filename: string;
  readonly readOnly: boolean;
  /** How long a statement may wait for another process's lock, in milliseconds. */
  readonly lockDeadlineMs: number;
  /** How long a statement may run, in milliseconds. */
  readonly statementDeadlineMs: number;
}

/** The parts of knex's query record that a dialect reads and fills. */
interface Query {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  response?: unknown;
  context?: { changes: number; lastID: number };
}

/** One try inside SQLite is short, so that a connection given up is free again soon. */
const BUSY_TIMEOUT_MS = 100;

/** knex's SQLite dialect over node:sqlite in a worker thread: nothing the file does stalls the event loop. */
class SqliteClient extends Sqlite3 {
  _driver(): object {
    return {};
  }

  override async acquireRawConnection(): Promise<SqliteConnection> {
    const { filename, readOnly, statementDeadlineMs } = this.settings;
    return SqliteConnection.open({ filename, readOnly, busyTimeoutMs: BUSY_TIMEOUT_MS }, statementDeadlineMs);
  }

  override destroyRawConnection(connection: SqliteConnection): Promise<void> {
    return connection.close();
  }

  override validateConnection(connection: SqliteConnection): Promise<boolean> {
    return Promise.resolve(connection.isOpen);
  }

  async _query(connection: SqliteConnection, query: Query): Promise<Query> {
    // A transaction that takes its lock at the first write fails at once when another process has written since.
    const sql = query.sql === 'BEGIN;' ? 'BEGIN IMMEDIATE;' : query.sql;
    const values = (query.bindings ?? []).map(bind);
    const result = await retryWhileBusy(() => connection.run(sql, values), this.settings.lockDeadlineMs);
    query.response = result.rows;
    query.context = { changes: result.changes, lastID: result.lastId };
    return query;
  }

  private get settings(): SqliteSettings {
    return this.connectionSettings as SqliteSettings;
  }
}

/** Everything knex needs to open this file; one connection, on its own thread. */
export function sqliteConfig(settings: SqliteSettings): Knex.Config {
  return {
    client: SqliteClient,
    connection: settings as Knex.StaticConnectionConfig,
    useNullAsDefault: true,
    pool: { min: 0, max: 1, idleTimeoutMillis: 0x7fffffff },
  };
}

async function retryWhileBusy<T>(attempt: () => Promise<T>, deadlineMs: number): Promise<T> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isSqliteBusy(error) || performance.now() >= giveUpAt) throw error;
      // SQLite serves waiters in no order; unequal pauses keep two processes from colliding for ever.
      await wait(1 + Math.random() * 10);
    }
  }
}

function bind(value: unknown): SqliteValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Date) return value.getTime();
  if (ArrayBuffer.isView(value)) return value as Uint8Array;
  // A plain object would be taken by node:sqlite for named parameters and shift the others, silently.
  if (typeof value === 'object') return JSON.stringify(value);
  return value as SqliteValue;
}
