import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { type Database, openDatabase } from '../storage/database.ts';

/** Runs work on the database that the configuration and the environment name, and closes it. */
export async function withDatabase<T>(
  file: string,
  work: (database: Database, loaded: LoadedConfig) => Promise<T>,
): Promise<T> {
  // A sample master key, which only a development start accepts, says nothing about the database.
  const loaded = await loadConfig({ file, dev: true });
  const database = await openDatabase(loaded.env.databaseUrl.reveal());
  try {
    return await work(database, loaded);
  } finally {
    await database.close();
  }
}
