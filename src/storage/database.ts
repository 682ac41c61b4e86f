// Room storage: opens SQLite, PostgreSQL and Redis, and keeps their deadlines.
// In it: connections, migrations, stores that several rooms share.
// Never in it: the meaning of the stored data.

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import knex, { type Knex } from 'knex';
import { type PostgresAddress, parseDatabaseAddress, type SqliteAddress } from './database-address.ts';
import { DatabaseError, firstLine, isStoreOutage } from './database-error.ts';

/** The parts of the logger that storage writes to. */
interface StorageLog {
  warn(message: string): void;
  debug(message: string): void;
}

export interface Database {
  readonly kind: 'sqlite' | 'postgres';
  /** The address without its password, for logs. */
  readonly shown: string;
  /** For transactions and single writes. On SQLite one connection: inside a transaction use only the transaction. */
  readonly knex: Knex;
  /** For plain reads; on SQLite a connection of its own, so that a read never queues behind a write that waits. */
  readonly reader: Knex;
  /** Runs work on a connection without the short deadlines of a serving process: for migrations. */
  withPatience<T>(work: (knex: Knex) => Promise<T>): Promise<T>;
  /** Ends every connection, within about 3 s even when the server has stopped answering. */
  close(): Promise<void>;
}

interface OpenOptions {
  readonly log?: StorageLog;
  /** Connections to PostgreSQL this process may hold; default 10. */
  readonly poolSize?: number;
}

const SERVING = { lockDeadlineMs: 2000, statementDeadlineMs: 10_000 };
const PATIENT = { lockDeadlineMs: 60_000, statementDeadlineMs: 600_000 };
const SERVING_POSTGRES = { statementMs: 5000, answerMs: 6000, acquireMs: 1500 };
const PATIENT_POSTGRES = { statementMs: 0, answerMs: 600_000, acquireMs: 5000 };

/**
 * Opens the database a `DATABASE_URL` names and proves that it answers. Rejects within about 2 s with a DatabaseError
 * whose message is one line for the operator. SQLite creates the file and its folder when they are missing.
 */
export async function openDatabase(address: string, options: OpenOptions = {}): Promise<Database> {
  const parsed = parseDatabaseAddress(address);
  const database = parsed.kind === 'sqlite' ? await openSqlite(parsed, options) : await openPostgres(parsed, options);
  try {
    await database.knex.raw('select 1');
  } catch (error) {
    await database.close();
    throw explainFailure(error, parsed);
  }
  return database;
}

async function openSqlite(address: SqliteAddress, options: OpenOptions): Promise<Database> {
  const { filename, shown } = address;
  const isMemory = filename === ':memory:';
  if (!isMemory) await makeFolder(filename);
  const { sqliteConfig } = await import('./sqlite-client.ts');
  const open = (settings: typeof SERVING, readOnly: boolean) =>
    knex({ ...sqliteConfig({ filename, readOnly, ...settings }), ...shared(options), acquireConnectionTimeout: 5000 });
  const writer = open(SERVING, false);
  // Every connection to :memory: would be a database of its own.
  const reader = isMemory ? writer : open(SERVING, true);
  // A thread takes tens of milliseconds to begin: the reader's begins beside the writer's. A file that is still to be
  // made cannot be read yet, and the first real question begins another.
  if (existsSync(filename)) void reader.raw('select 1').catch(() => undefined);
  return {
    kind: 'sqlite',
    shown,
    knex: writer,
    reader,
    withPatience: (work) => (isMemory ? work(writer) : runAndDestroy(open(PATIENT, false), work)),
    close: () => closeAll(isMemory ? [writer] : [writer, reader]),
  };
}

async function makeFolder(filename: string): Promise<void> {
  try {
    // The file holds password hashes and e-mail addresses. The mode of an existing folder is left to its owner.
    await mkdir(dirname(filename), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new DatabaseError('UNREACHABLE', `Cannot create the folder of ${filename}: ${firstLine(error)}`, error);
  }
}

async function openPostgres(address: PostgresAddress, options: OpenOptions): Promise<Database> {
  const { postgresConfig } = await import('./postgres.ts');
  const serving = await postgresConfig(address, SERVING_POSTGRES, options.poolSize ?? 10);
  const pool = knex({ ...serving, ...shared(options) });
  return {
    kind: 'postgres',
    shown: address.shown,
    knex: pool,
    reader: pool,
    withPatience: async (work) => {
      const patient = await postgresConfig(address, PATIENT_POSTGRES, 1);
      return runAndDestroy(knex({ ...patient, ...shared(options) }), work);
    },
    close: () => closeAll([pool]),
  };
}

async function runAndDestroy<T>(instance: Knex, work: (knex: Knex) => Promise<T>): Promise<T> {
  try {
    return await work(instance);
  } finally {
    await instance.destroy();
  }
}

function shared(options: OpenOptions): Knex.Config {
  const warn = (message: unknown) => options.log?.warn(firstLine({ message: String(message) }));
  // knex reports every failed connection here with its stack; the caller gets the same error and decides.
  const debug = (message: unknown) => options.log?.debug(firstLine({ message: String(message) }));
  return {
    // By default error messages carry the bound values, and key hashes would reach the log.
    compileSqlOnError: false,
    log: { warn: debug, error: warn, deprecate: debug, debug, enableColors: false },
  };
}

async function closeAll(instances: readonly Knex[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 3000);
  });
  await Promise.race([Promise.allSettled(instances.map((instance) => instance.destroy())), deadline]);
  clearTimeout(timer);
}

function explainFailure(error: unknown, address: SqliteAddress | PostgresAddress): DatabaseError {
  const reason = firstLine(error) || String((error as { code?: unknown }).code);
  const code = isStoreOutage(error) ? 'UNREACHABLE' : 'REFUSED';
  const verb = address.kind === 'sqlite' ? 'open' : 'reach';
  return new DatabaseError(code, `Cannot ${verb} the database at ${address.shown}: ${reason}`, error);
}
