import { afterEach, expect, test } from '@jest/globals';
import type { Knex } from 'knex';
import type { AuditContext } from '../../src/identity/audit/audit-context.ts';
import { AuditLog } from '../../src/identity/audit/audit-log.ts';
import type { ChainHead } from '../../src/identity/audit/chain.ts';
import { type AuditedChange, recordAudit } from '../../src/identity/audit/record-audit.ts';
import { AuditSealer } from '../../src/identity/audit/sealer.ts';
import { verifyChain } from '../../src/identity/audit/verify-chain.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Database } from '../../src/storage/database.ts';
import { migrateDatabase } from '../../src/storage/migrate.ts';
import { runProgram } from '../support/child-program.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';
import { makeManualClock } from '../support/manual-clock.ts';
import { until } from '../support/poll.ts';

const ALICE: AuditContext = { actor: 'alice', address: '192.0.2.7', requestId: 'req_1' };
const CHANGE: AuditedChange = { action: 'door.open', subject: 'door-1' };

const RECORD_AND_SEAL_FOR_EVER = `
  const { openDatabase } = await import('%src%/storage/database.ts');
  const { recordAudit } = await import('%src%/identity/audit/record-audit.ts');
  const { AuditSealer } = await import('%src%/identity/audit/sealer.ts');
  const database = await openDatabase(process.argv[1]);
  const sealer = new AuditSealer(database);
  const seal = async () => { for (;;) await sealer.seal().catch(() => undefined); };
  void seal();
  for (let i = 0; ; i++) {
    const change = { action: 'count', subject: 'n' + i };
    await database.knex.transaction((trx) => recordAudit(trx, { actor: 'child' }, change, Date.now()));
    console.log(change.subject);
  }
`;

const sealers: AuditSealer[] = [];
afterEach(async () => {
  await Promise.all(sealers.splice(0).map((sealer) => sealer.close()));
});

function sealerOf(database: Database): AuditSealer {
  const sealer = new AuditSealer(database);
  sealers.push(sealer);
  return sealer;
}

async function record({ knex }: Database, changes: readonly AuditedChange[], now = 1): Promise<void> {
  await knex.transaction(async (trx) => {
    for (const change of changes) await recordAudit(trx, ALICE, change, now);
  });
}

/** Seals the changes and resolves with the head of the chain. */
async function recordSealed(database: Database, count: number): Promise<ChainHead> {
  await record(
    database,
    Array.from({ length: count }, (_, i) => ({ ...CHANGE, subject: `door-${i + 1}` })),
  );
  await sealerOf(database).seal();
  return (await verifyChain(database.reader)).head;
}

/** What somebody with every right to the database may do. */
async function dropGuards({ knex, kind }: Database): Promise<void> {
  const names = kind === 'sqlite' ? ['keep', 'seal', 'append'] : ['guard', 'keep'];
  for (const name of names)
    await knex.raw(`drop trigger audit_log_${name}${kind === 'postgres' ? ' on audit_log' : ''}`);
}

describeOnBothDatabases('The audit log', ({ open, makeAddress, openMigrated }) => {
  test('keeps who, what, when and from where, and of a change only what differs', async () => {
    const database = await openMigrated();
    const before = { tier: 'free', status: 'active' };
    const rate_limit = { limits: [{ limit: 5, window: 1000 }] };
    const change = { ...CHANGE, before, after: { tier: 'pro', status: 'active', rate_limit } };
    await record(database, [change, { ...CHANGE, before, after: before }], 1234);
    const { items } = await new AuditLog(database, systemClock, fail).list({});
    const known = { at: 1234, ...ALICE, action: 'door.open', subject: 'door-1' };
    expect(items).toEqual([expect.objectContaining({ ...known, before: { tier: 'free' } })]);
    expect(items[0]?.after).toEqual({ tier: 'pro', rate_limit });
  });

  test('leaves out fields that hold secrets, whoever hands them in', async () => {
    const database = await openMigrated();
    const secrets = { hash: 'x1', api_key: 'x2', password: 'x3', password_hash: 'x4', token: 'x5' };
    await record(database, [{ ...CHANGE, after: { name: 'n', ...secrets } }]);
    const { items } = await new AuditLog(database, systemClock, fail).list({});
    expect(items[0]?.after).toEqual({ name: 'n' });
  });

  test('forgets what was rolled back, as the change itself', async () => {
    const database = await openMigrated();
    const doomed = async (trx: Knex.Transaction): Promise<void> => {
      await recordAudit(trx, ALICE, CHANGE, 1);
      throw new Error('the change failed');
    };
    await expect(database.knex.transaction(doomed)).rejects.toThrow('the change failed');
    expect(await database.reader('audit_log')).toEqual([]);
  });

  test('lists newest first by pages, and by actor, action, subject and time', async () => {
    const database = await openMigrated();
    const log = new AuditLog(database, systemClock, fail);
    for (const [i, action] of ['a', 'b', 'a', 'b', 'a'].entries())
      await record(database, [{ action, subject: `s${i}` }], 1000 + Math.floor(i / 2));
    const first = await log.list({ limit: 2 });
    const second = await log.list({ limit: 2, cursor: first.nextCursor });
    const third = await log.list({ limit: 2, cursor: second.nextCursor });
    const subjects = [first, second, third].map(({ items }) => items.map(({ subject }) => subject));
    expect(subjects).toEqual([['s4', 's3'], ['s2', 's1'], ['s0']]);
    expect(third.nextCursor).toBeUndefined();
    const find = async (filter: object) => (await log.list(filter)).items.map(({ subject }) => subject);
    expect(await find({ action: 'b' })).toEqual(['s3', 's1']);
    expect(await find({ subject: 's2' })).toEqual(['s2']);
    expect(await find({ since: 1001, action: 'a' })).toEqual(['s4', 's2']);
    expect(await find({ actor: 'bob' })).toEqual([]);
  });

  test.each(['MTAwMC5hYmM', 'xx', 'MS4xJyBvciAx'])('refuses the cursor %s', async (cursor) => {
    const log = new AuditLog(await openMigrated(), systemClock, fail);
    await expect(log.list({ cursor })).rejects.toMatchObject({ rejection: { code: 'VALIDATION_ERROR' } });
  });

  test('lets nobody change, remove, replace or seal rows by hand', async () => {
    const database = await openMigrated();
    await recordSealed(database, 2);
    await record(database, [CHANGE]);
    const { knex } = database;
    const forbidden = [
      knex('audit_log').where({ id: 1 }).update({ actor: 'mallory' }),
      knex('audit_log').where({ id: 1 }).update({ position: null, hash: null }),
      knex('audit_log').where({ id: 1 }).update({ hash: 'f' }),
      knex('audit_log').where({ id: 3 }).update({ position: 3, hash: 'f', actor: 'mallory' }),
      knex('audit_log').where({ id: 3 }).update({ subject: 'door-9' }),
      knex('audit_log').where({ id: 2 }).del(),
      knex('audit_log').where({ id: 3 }).del(),
      knex('audit_log').insert({ created_at: 1, actor: 'm', action: 'a', subject: 's', position: 9, hash: 'f' }),
      database.kind === 'sqlite'
        ? knex.raw(
            "insert or replace into audit_log (id, created_at, actor, action, subject) values (1, 1, 'm', 'a', 's')",
          )
        : knex.raw('truncate audit_log'),
    ];
    for (const statement of forbidden) await expect(statement).rejects.toThrow('append-only');
    expect(await verifyChain(database.reader)).toMatchObject({ head: { position: 2 }, unsealed: 1, broken: undefined });
  });

  test.each([
    ['a changed row', 3, (knex: Knex) => knex('audit_log').where({ id: 3 }).update({ actor: 'mallory' })],
    ['a changed time', 2, (knex: Knex) => knex('audit_log').where({ id: 2 }).update({ created_at: 2 })],
    ['a removed row', 2, (knex: Knex) => knex('audit_log').where({ id: 2 }).del()],
    ['a removed first row', 1, (knex: Knex) => knex('audit_log').where({ id: 1 }).del()],
    [
      'a seal of its own',
      5,
      (knex: Knex) =>
        knex('audit_log')
          .where({ id: 5 })
          .update({ hash: '0'.repeat(64) }),
    ],
  ])('tells %s from what was sealed, once its guards are gone', async (_what, position, tamper) => {
    const database = await openMigrated();
    await recordSealed(database, 5);
    await dropGuards(database);
    await tamper(database.knex);
    const { broken, head } = await verifyChain(database.reader);
    expect(broken?.position).toBe(position);
    expect(head.position).toBe(position - 1);
  });

  test('tells two rows that changed places', async () => {
    const database = await openMigrated();
    await recordSealed(database, 4);
    await dropGuards(database);
    const swap = [
      { id: 2, position: 99 },
      { id: 3, position: 2 },
      { id: 2, position: 3 },
    ];
    for (const { id, position } of swap) await database.knex('audit_log').where({ id }).update({ position });
    expect((await verifyChain(database.reader)).broken).toMatchObject({ position: 2, row: { id: 3 } });
  });

  test('shows that its end was cut off, or all of it written anew, against a head noted down before', async () => {
    const database = await openMigrated();
    const anchor = await recordSealed(database, 4);
    expect((await verifyChain(database.reader, anchor)).broken).toBeUndefined();
    await dropGuards(database);
    await database.knex('audit_log').where('id', '>', 2).del();
    expect((await verifyChain(database.reader)).broken).toBeUndefined();
    expect((await verifyChain(database.reader, anchor)).broken).toEqual({ position: 3, row: undefined });
    await recordSealed(database, 3);
    expect((await verifyChain(database.reader)).head.position).toBe(5);
    expect((await verifyChain(database.reader, anchor)).broken).toMatchObject({ position: 4 });
  });

  test('is one unbroken chain of every row when several gateways write and seal at once', async () => {
    const address = await makeAddress();
    await migrateDatabase(await open(address));
    const databases = await Promise.all([open(address), open(address), open(address)]);
    const write = async (database: Database) => {
      for (let i = 0; i < 40; i += 1) await record(database, [CHANGE]);
    };
    let isWriting = true;
    const seal = async (database: Database) => {
      const sealer = sealerOf(database);
      while (isWriting) await sealer.seal();
    };
    const sealing = databases.map(seal);
    await Promise.all([...databases, ...databases].map(write));
    isWriting = false;
    await Promise.all(sealing);
    await sealers[0]?.seal();
    const report = await verifyChain((databases[0] as Database).reader);
    expect(report).toMatchObject({ head: { position: 240 }, unsealed: 0, broken: undefined });
  });

  test('is whole after a process was killed while it wrote and sealed, and another goes on', async () => {
    const address = await makeAddress();
    const database = await open(address);
    await migrateDatabase(database);
    const child = runProgram(RECORD_AND_SEAL_FOR_EVER, [address]);
    try {
      await until(() => child.lines.length >= 30, { timeoutMs: 20_000 });
    } finally {
      await child.kill();
    }
    await until(async () => {
      await sealerOf(database).seal();
      return (await verifyChain(database.reader)).unsealed === 0;
    });
    expect((await verifyChain(database.reader)).broken).toBeUndefined();
    const kept: string[] = await database.reader('audit_log').orderBy('position').pluck('subject');
    expect(kept.slice(0, child.lines.length)).toEqual(child.lines);
  });

  test('seals by itself', async () => {
    const database = await openMigrated();
    sealerOf(database);
    await record(database, [CHANGE]);
    await until(async () => (await verifyChain(database.reader)).head.position === 1);
  });

  test('hands on what could not be recorded outside a transaction, and does not fail', async () => {
    const database = await openMigrated();
    const failures: unknown[] = [];
    const log = new AuditLog(database, makeManualClock(), (error) => failures.push(error));
    await log.note(ALICE, CHANGE);
    expect((await log.list({})).items).toHaveLength(1);
    await database.knex.schema.dropTable('audit_log');
    await log.note(ALICE, CHANGE);
    expect(failures).toHaveLength(1);
  });
});

function fail(error: unknown): never {
  throw error;
}
