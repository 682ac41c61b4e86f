import { inspect } from 'node:util';

/**
 * `ADDRESS` the address cannot be read · `UNREACHABLE` nobody answers, or the file cannot be opened · `REFUSED` it
 * answers and will not let us in · `NEWER_SCHEMA` a later release has migrated it · `MIGRATION` a step failed.
 */
export type DatabaseErrorCode = 'ADDRESS' | 'UNREACHABLE' | 'REFUSED' | 'NEWER_SCHEMA' | 'MIGRATION';

/** A failure to open or migrate the database. `message` is one line for the operator and never carries a password. */
export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode;

  constructor(code: DatabaseErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'DatabaseError';
    this.code = code;
  }
}

interface Coded {
  readonly code?: unknown;
  readonly errcode?: unknown;
  readonly name?: unknown;
  readonly message?: unknown;
}

const NETWORK_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT', 'ENOENT']);
/** SQLite primary result codes: busy, locked, read-only, I/O error, corrupt, full, cannot open, not a database. */
const SQLITE_OUTAGES = new Set([5, 6, 8, 10, 11, 13, 14, 26]);
/** PostgreSQL classes: connection exception, insufficient resources, operator intervention, system error. */
const POSTGRES_OUTAGES = /^(08|53|57|58)...$/;
/** PostgreSQL `lock_not_available` and `read_only_sql_transaction` (a standby after a fail-over). */
const POSTGRES_OUTAGE_CODES = new Set(['55P03', '25006']);
/** What knex and pg throw without a code. */
const UNCODED_OUTAGE =
  /timeout|connection terminated|unable to acquire a connection|connection (error|ended)|not queryable|aborted/i;

/**
 * True when an error of a query says that the store could not serve it (down, unreachable, full, locked, too slow):
 * the caller should answer 503 and try again later. False for errors of the statement itself.
 */
export function isStoreOutage(error: unknown): boolean {
  const { code, errcode, message } = asCoded(error);
  if (typeof errcode === 'number') return SQLITE_OUTAGES.has(errcode & 0xff);
  if (typeof code === 'string' && code !== '') {
    return (
      code === 'SQLITE_WORKER' ||
      NETWORK_CODES.has(code) ||
      POSTGRES_OUTAGES.test(code) ||
      POSTGRES_OUTAGE_CODES.has(code)
    );
  }
  return typeof message === 'string' && UNCODED_OUTAGE.test(message);
}

/** What an operator can do about a SQLite file, by primary result code. */
const SQLITE_CURES: Readonly<Record<number, string>> = {
  8: 'the database is read-only. Check the owner and permissions of the file and its folder, and how its disk is mounted',
  10: 'the disk of the database failed to read or write',
  11: 'the database file is damaged. Restore it from a backup',
  13: 'the disk of the database is full',
  14: 'the database file cannot be opened. Check the permissions of its folder',
  26: 'the file is not a SQLite database',
};

/** One line about an outage for an operator: the cause, without the SQL statement that failed. */
export function explainOutage(error: unknown): string {
  const { errcode } = asCoded(error);
  const cure = typeof errcode === 'number' ? SQLITE_CURES[errcode & 0xff] : undefined;
  // knex puts the statement in front of the reason.
  return cure ?? `the database does not answer: ${firstLine(error).split(' - ').at(-1)}`;
}

/** True when a row with the same unique key exists, on either database. */
export function isUniqueViolation(error: unknown): boolean {
  const { code, errcode } = asCoded(error);
  return code === '23505' || errcode === 2067 || errcode === 1555;
}

/** True when another connection holds the SQLite file's write lock and waiting may help. */
export function isSqliteBusy(error: unknown): boolean {
  const { errcode } = asCoded(error);
  // 517 (BUSY_SNAPSHOT) is excluded: the transaction has read old data, and waiting does not make it newer.
  return typeof errcode === 'number' && (errcode & 0xff) === 5 && errcode !== 517;
}

/** The first line of an error's message, for operators. */
export function firstLine(error: unknown): string {
  const { message } = asCoded(error);
  const text = typeof message === 'string' && message !== '' ? message : inspect(error);
  return text.split('\n', 1)[0] as string;
}

function asCoded(error: unknown): Coded {
  return typeof error === 'object' && error !== null ? error : {};
}
