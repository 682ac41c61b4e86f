// One PostgreSQL for a run of the whole suite: making a cluster takes longer than most suites that need a database.
import { canStartPostgres, type PostgresServer, startPostgres } from './postgres.ts';

let server: PostgresServer | undefined;

/** Jest's global setup. A run of chosen files starts its own servers: most files need no database at all. */
export default async function startShared(config: { readonly testPathPatterns: { isSet(): boolean } }): Promise<void> {
  const isWanted = !config.testPathPatterns.isSet() && process.env['TEST_DATABASE_URL'] === undefined;
  if (!isWanted || !canStartPostgres()) return;
  server = await startPostgres({ args: ['-c', 'max_connections=300'] });
  process.env['TEST_DATABASE_URL'] = server.url;
}

export async function stopShared(): Promise<void> {
  await server?.stop();
}
