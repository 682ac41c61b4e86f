import type { Knex } from 'knex';
import type { Database } from './database.ts';
import { DatabaseError, firstLine } from './database-error.ts';
import { consumers } from './migrations/0001-consumers.ts';
import { apiKeys } from './migrations/0002-api-keys.ts';
import { identityChanges } from './migrations/0003-identity-changes.ts';
import { tokenRevocations } from './migrations/0004-token-revocations.ts';
import { users } from './migrations/0005-users.ts';
import { refreshTokens } from './migrations/0006-refresh-tokens.ts';
import { audit } from './migrations/0007-audit.ts';
import { keyBounds } from './migrations/0008-key-bounds.ts';
import { idempotency } from './migrations/0009-idempotency.ts';
import { usage } from './migrations/0010-usage.ts';
import { budgets } from './migrations/0011-budgets.ts';
import { accountOwners } from './migrations/0012-account-owners.ts';
import { usageKinds } from './migrations/0013-usage-kinds.ts';

interface Step {
  /** Recorded in the database: must never change once released. */
  readonly name: string;
  readonly migration: Knex.Migration;
}

const STEPS: readonly Step[] = [
  { name: '0001-consumers', migration: consumers },
  { name: '0002-api-keys', migration: apiKeys },
  { name: '0003-identity-changes', migration: identityChanges },
  { name: '0004-token-revocations', migration: tokenRevocations },
  { name: '0005-users', migration: users },
  { name: '0006-refresh-tokens', migration: refreshTokens },
  { name: '0007-audit', migration: audit },
  { name: '0008-key-bounds', migration: keyBounds },
  { name: '0009-idempotency', migration: idempotency },
  { name: '0010-usage', migration: usage },
  { name: '0011-budgets', migration: budgets },
  { name: '0012-account-owners', migration: accountOwners },
  { name: '0013-usage-kinds', migration: usageKinds },
];

const TABLE = 'knex_migrations';
/** Any number no other program on the server uses for its advisory locks: "turnpike" on a telephone's keys. */
const ADVISORY_LOCK = 88767453;
const LOCK_DEADLINE_MS = 60_000;

const source: Knex.MigrationSource<Step> = {
  getMigrations: async () => [...STEPS],
  getMigrationName: (step) => step.name,
  getMigration: async (step) => step.migration,
};

/** Names of the steps this database still lacks, in order. Throws DatabaseError `NEWER_SCHEMA`. Writes nothing. */
export async function listPendingMigrations(database: Database): Promise<string[]> {
  const { reader } = database;
  if (!(await reader.schema.hasTable(TABLE))) return STEPS.map((step) => step.name);
  const applied = new Set<string>(await reader(TABLE).pluck('name'));
  const known = new Set(STEPS.map((step) => step.name));
  const newer = [...applied].filter((name) => !known.has(name));
  if (newer.length > 0) {
    const reason = `it has ${newer.join(', ')}, which this release does not know`;
    throw new DatabaseError('NEWER_SCHEMA', `The database at ${database.shown} belongs to a later release: ${reason}`);
  }
  return [...known].filter((name) => !applied.has(name));
}

/**
 * Brings the database to this release's schema and resolves with the names of the steps it ran. All steps run in one
 * transaction that holds the lock, so that a killed process leaves neither half a schema nor a lock, and processes that
 * start together wait for the first (up to 60 s). Throws DatabaseError `MIGRATION` or `NEWER_SCHEMA`.
 */
export async function migrateDatabase(database: Database): Promise<string[]> {
  if ((await listPendingMigrations(database)).length === 0) return [];
  try {
    return await database.withPatience((knex) => knex.transaction((trx) => runSteps(trx, database.kind)));
  } catch (error) {
    throw new DatabaseError(
      'MIGRATION',
      `Cannot migrate the database at ${database.shown}: ${firstLine(error)}`,
      error,
    );
  }
}

async function runSteps(trx: Knex.Transaction, kind: Database['kind']): Promise<string[]> {
  // On SQLite the transaction itself is the lock: it begins IMMEDIATE.
  if (kind === 'postgres') await lockPostgres(trx);
  const [, names] = (await trx.migrate.latest({ migrationSource: source, tableName: TABLE })) as [number, string[]];
  return names;
}

async function lockPostgres(trx: Knex.Transaction): Promise<void> {
  await trx.raw(`set local lock_timeout = ${LOCK_DEADLINE_MS}`);
  await trx.raw('select pg_advisory_xact_lock(?)', [ADVISORY_LOCK]);
}
