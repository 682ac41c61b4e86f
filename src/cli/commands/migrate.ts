import { listPendingMigrations, migrateDatabase } from '../../storage/migrate.ts';
import { withDatabase } from '../with-database.ts';

interface MigrateOptions {
  readonly config: string;
  readonly status?: true;
}

/** Prints the steps it ran, or with `status` those that a run would run. A start does the same by itself. */
export async function migrate(options: MigrateOptions): Promise<void> {
  await withDatabase(options.config, { create: true }, async (database) => {
    const steps = options.status ? await listPendingMigrations(database) : await migrateDatabase(database);
    if (steps.length === 0) console.log(`${database.shown} is up to date`);
    for (const step of steps) console.log(`${options.status ? 'pending' : 'done'} ${step}`);
  });
}
