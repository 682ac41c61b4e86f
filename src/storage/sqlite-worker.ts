// The thread that owns one SQLite connection. Calls that block here (fsync, another process's lock) block nothing else.
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { isSqliteBusy } from './database-error.ts';
import {
  OPENING,
  type SqliteAnswer,
  type SqliteFailure,
  type SqliteQuestion,
  type SqliteResult,
  type SqliteWorkerSettings,
} from './sqlite-protocol.ts';

const WAL_DEADLINE_MS = 2000;
const PRIVATE = 0o600;
const OTHERS = 0o077;

interface Prepared {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

function open(settings: SqliteWorkerSettings): DatabaseSync {
  const { filename, readOnly, busyTimeoutMs } = settings;
  if (!readOnly && filename !== ':memory:') keepPrivate(filename);
  const db = new DatabaseSync(filename, { readOnly, timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  if (readOnly) return db;
  switchToWal(db);
  // In WAL mode NORMAL would lose acknowledged commits when the machine loses power.
  db.exec('PRAGMA synchronous=FULL');
  return db;
}

/**
 * Only this user may read the file. SQLite gives its log and index the mode of the database, so the file must have the
 * right mode before they are created; files of an earlier release are corrected.
 */
function keepPrivate(filename: string): void {
  closeSync(openSync(filename, 'a', PRIVATE));
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    try {
      if (statSync(filename + suffix).mode & OTHERS) chmodSync(filename + suffix, PRIVATE);
    } catch {
      // Not there, or another user's file, who has given us the right to write it and no right to change that.
    }
  }
}

/** The switch needs the file to itself and does not wait for it, so processes that start together try in turn. */
function switchToWal(db: DatabaseSync): void {
  const giveUpAt = performance.now() + WAL_DEADLINE_MS;
  for (;;) {
    try {
      db.exec('PRAGMA journal_mode=WAL');
      return;
    } catch (error) {
      if (!isSqliteBusy(error) || performance.now() >= giveUpAt) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5 + Math.random() * 20);
    }
  }
}

function createRunner(db: DatabaseSync): (question: SqliteQuestion) => SqliteResult {
  const cache = new LRUCache<string, Prepared>({ max: 200 });
  const prepare = (sql: string): Prepared => {
    const known = cache.get(sql);
    if (known) return known;
    const statement = db.prepare(sql);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    cache.set(sql, prepared);
    return prepared;
  };
  return ({ sql, values }) => {
    // A cached statement keeps the columns it was compiled with.
    if (/^\s*(create|alter|drop)\s/i.test(sql)) cache.clear();
    const { statement, returnsRows } = prepare(sql);
    if (returnsRows) {
      const rows = statement.all(...values);
      return { rows, changes: rows.length, lastId: 0 };
    }
    const done = statement.run(...values);
    return { rows: undefined, changes: Number(done.changes), lastId: Number(done.lastInsertRowid) };
  };
}

function describeFailure(error: unknown): SqliteFailure {
  const { message, code, errcode } = error as Partial<SqliteFailure>;
  return { message: message ?? String(error), code, errcode };
}

function serve(port: NonNullable<typeof parentPort>): void {
  const answer = (message: SqliteAnswer) => port.postMessage(message);
  let db: DatabaseSync;
  try {
    db = open(workerData as SqliteWorkerSettings);
  } catch (error) {
    answer({ id: OPENING, failure: describeFailure(error) });
    port.close();
    return;
  }
  const run = createRunner(db);
  port.on('message', (question: SqliteQuestion | 'close') => {
    if (question === 'close') {
      db.close();
      port.close();
      return;
    }
    try {
      answer({ id: question.id, result: run(question) });
    } catch (error) {
      // A COMMIT that fails may leave the transaction open, and the next user of the connection would be inside it.
      if (db.isTransaction && question.sql.startsWith('COMMIT')) db.exec('ROLLBACK');
      answer({ id: question.id, failure: describeFailure(error) });
    }
  });
  answer({ id: OPENING, result: { rows: undefined, changes: 0, lastId: 0 } });
}

if (parentPort) serve(parentPort);
