import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { existsSync } from 'node:fs';
import { parseDatabaseAddress } from '../storage/database-address.ts';
import { UsageError } from './failure.ts';
import { type Database, openDatabase } from '../storage/database.ts';

interface Access {
  /** Whether a database that does not exist is made. A command that only reads would look into an empty one. */
  readonly create: boolean;
}

/**
 * Runs work on the database that the configuration and the environment name, and closes it. Names the database on
 * standard error. Throws a UsageError when there is none and none is to be made.
 */
export async function withDatabase<T>(
  file: string,
  { create }: Access,
  work: (database: Database, loaded: LoadedConfig) => Promise<T>,
): Promise<T> {
  // A sample master key, which only a development start accepts, says nothing about the database.
  const loaded = await loadConfig({ file, dev: true });
  const address = loaded.env.databaseUrl.reveal();
  const isNew = isMissing(address);
  if (isNew && !create) refuseMissing(parseDatabaseAddress(address).shown);
  const database = await openDatabase(address);
  try {
    const result = await work(database, loaded);
    console.error(`Database: ${database.shown}${isNew ? ' (new)' : ''}`);
    return result;
  } finally {
    await database.close();
  }
}

function isMissing(address: string): boolean {
  const parsed = parseDatabaseAddress(address);
  return parsed.kind === 'sqlite' && parsed.filename !== ':memory:' && !existsSync(parsed.filename);
}

function refuseMissing(shown: string): never {
  const reason = `There is no database at ${shown}.`;
  throw new UsageError(`${reason} Run the command where the gateway runs, or set DATABASE_URL as the gateway has it.`);
}
