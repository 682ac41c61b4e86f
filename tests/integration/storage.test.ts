import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { isUniqueViolation } from '../../src/storage/database-error.ts';
import { listPendingMigrations, migrateDatabase } from '../../src/storage/migrate.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';

const PROGRAM = `
  const { openDatabase } = await import(process.argv[1] + '/src/storage/database.ts');
  const { migrateDatabase } = await import(process.argv[1] + '/src/storage/migrate.ts');
  const database = await openDatabase(process.argv[2]);
  const applied = await migrateDatabase(database);
  await database.close();
  console.log(JSON.stringify(applied));
`;

/** What a process of its own applied when it migrated this database. */
async function migrateElsewhere(address: string): Promise<string[]> {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', PROGRAM, process.cwd(), address];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  return JSON.parse(output) as string[];
}

const consumer = (id: string) => ({
  id,
  name: `name of ${id}`,
  status: 'active',
  permissions: '[]',
  created_at: 1_790_000_000_123,
  updated_at: 0,
});

describeOnBothDatabases('Storage', ({ makeAddress, open, openMigrated }) => {
  test('applies every migration once and finds nothing to do afterwards', async () => {
    const database = await open(await makeAddress());
    const pending = await listPendingMigrations(database);
    expect(pending.length).toBeGreaterThan(0);
    await expect(migrateDatabase(database)).resolves.toEqual(pending);
    await expect(listPendingMigrations(database)).resolves.toEqual([]);
    await expect(migrateDatabase(database)).resolves.toEqual([]);
  });

  test('lets one of several processes that start together migrate while the others wait', async () => {
    const address = await makeAddress();
    const applied = await Promise.all([1, 2, 3].map(() => migrateElsewhere(address)));
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    await expect(listPendingMigrations(await open(address))).resolves.toEqual([]);
  });

  test('refuses a database that a later release has migrated', async () => {
    const database = await openMigrated();
    await database.knex('knex_migrations').insert({ name: '9999-later', batch: 9, migration_time: new Date(0) });
    await expect(migrateDatabase(database)).rejects.toMatchObject({
      code: 'NEWER_SCHEMA',
      message: expect.stringContaining('9999-later'),
    });
  });

  test('gives epoch milliseconds back as the number that was stored', async () => {
    const database = await openMigrated();
    await database.knex('consumers').insert(consumer('a'));
    await expect(database.reader('consumers').where({ id: 'a' }).first()).resolves.toMatchObject({
      created_at: 1_790_000_000_123,
      tier: null,
    });
  });

  test('says that a unique key is taken, without the bound values in the message', async () => {
    const { knex } = await openMigrated();
    await knex('consumers').insert(consumer('planted-value'));
    const error: unknown = await knex('consumers')
      .insert(consumer('planted-value'))
      .catch((caught: unknown) => caught);
    expect(isUniqueViolation(error)).toBe(true);
    expect(String(error)).not.toContain('planted-value');
  });

  test('refuses a key whose consumer does not exist', async () => {
    const { knex } = await openMigrated();
    const row = { id: 'k', hash: 'h', consumer_id: 'nobody', prefix: 'p', created_at: 1 };
    const error: unknown = await knex('api_keys')
      .insert(row)
      .catch((caught: unknown) => caught);
    expect([787, '23503']).toContain((error as { errcode?: number }).errcode ?? (error as { code?: string }).code);
  });

  test('leaves nothing of a transaction that fails', async () => {
    const { knex, reader } = await openMigrated();
    const attempt = knex.transaction(async (trx) => {
      await trx('consumers').insert(consumer('a'));
      throw new Error('changed my mind');
    });
    await expect(attempt).rejects.toThrow('changed my mind');
    await expect(reader('consumers').pluck('id')).resolves.toEqual([]);
  });

  test('loses no update of twenty transactions at once', async () => {
    const { knex, reader } = await openMigrated();
    await knex('consumers').insert(consumer('a'));
    const add = () => knex.transaction((trx) => trx('consumers').where({ id: 'a' }).increment('updated_at', 1));
    await Promise.all(Array.from({ length: 20 }, add));
    await expect(reader('consumers').pluck('updated_at')).resolves.toEqual([20]);
  });

  test('takes objects as JSON, booleans as numbers and undefined as null where a column holds text or numbers', async () => {
    const { knex, kind } = await openMigrated();
    const columns = { ...consumer('a'), permissions: { deep: [1] }, tier: undefined };
    await knex('consumers').insert(columns);
    const row = (await knex('consumers').first('permissions', 'tier')) as { permissions: string; tier: null };
    expect(JSON.parse(row.permissions)).toEqual({ deep: [1] });
    expect(row.tier).toBeNull();
    if (kind === 'sqlite') await expect(knex.raw('select ? as yes', [true])).resolves.toEqual([{ yes: 1 }]);
  });
});
