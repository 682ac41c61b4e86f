import { expect, test } from '@jest/globals';
import { hash as hashBcrypt } from '@node-rs/bcrypt';
import { GATEWAY_CONTEXT } from '../../src/identity/audit/audit-context.ts';
import type { Identity } from '../../src/identity/identity.ts';
import type { Database } from '../../src/storage/database.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';
import { makeIdentities } from '../support/identity-builder.ts';

const by = GATEWAY_CONTEXT;
const ADA = { email: 'ada@example.com', password: 'correct horse' };
const HERE = '192.0.2.1';

const refusedWith = (code: string) => expect.objectContaining({ rejection: expect.objectContaining({ code }) });

describeOnBothDatabases('Users', ({ openMigrated }) => {
  const openIdentity = makeIdentities();

  async function setUp(): Promise<Identity & { database: Database }> {
    const database = await openMigrated();
    return { ...(await openIdentity(database)), database };
  }

  test('are stored with a hash of their password, as a consumer of the same name and id', async () => {
    const { users, consumers, database } = await setUp();
    const user = await users.create({ ...ADA, email: 'Ada@Example.com', tier: 'free' }, by);
    expect(user).toMatchObject({ email: 'ada@example.com', tier: 'free', status: 'active' });
    await expect(users.get('ADA@example.com')).resolves.toMatchObject(user);
    await expect(consumers.get(user.id)).resolves.toMatchObject({ name: 'ada@example.com', tier: 'free' });
    const stored = JSON.stringify([await database.reader('users'), await database.reader('audit_log')]);
    expect(stored).toContain('$argon2id$');
    expect(stored).not.toContain(ADA.password);
  });

  test('of one address are one account, however many sign up with it at the same moment', async () => {
    const { users, database } = await setUp();
    const spellings = ['ada@example.com', 'ADA@example.com', 'Ada@Example.com'];
    const attempts = Array.from({ length: 9 }, (_, i) =>
      users.create({ ...ADA, email: spellings[i % 3] as string }, by),
    );
    const results = await Promise.allSettled(attempts);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toEqual(refusedWith('CONFLICT'));
    await expect(database.reader('consumers').pluck('name')).resolves.toEqual(['ada@example.com']);
  });

  test('cannot take the name of a consumer that is there already', async () => {
    const { users, keys } = await setUp();
    await keys.issue({ owner: 'ada@example.com' }, by);
    await expect(users.create(ADA, by)).rejects.toEqual(refusedWith('CONFLICT'));
  });

  test('are listed newest first', async () => {
    const { users } = await setUp();
    for (const name of ['a', 'b', 'c']) await users.create({ ...ADA, email: `${name}@example.com` }, by);
    const { items, nextCursor } = await users.list({ limit: 3 });
    expect(nextCursor).toBeUndefined();
    expect(items.map(({ email }) => email).sort()).toEqual(['a@example.com', 'b@example.com', 'c@example.com']);
  });

  test('log in with their password, and with nothing else', async () => {
    const { users, logins } = await setUp();
    const { id } = await users.create(ADA, by);
    await expect(logins.logIn({ ...ADA, email: 'ADA@example.com', address: HERE })).resolves.toMatchObject({ id });
    const tries = [
      { ...ADA, password: 'correct horse ' },
      { ...ADA, email: 'eve@example.com' },
      { ...ADA, email: "ada@example.com'or'1'='1" },
      { ...ADA, password: "' or '1'='1" },
    ];
    for (const wrong of tries)
      await expect(logins.logIn({ ...wrong, address: HERE })).rejects.toEqual(refusedWith('INVALID_CREDENTIAL'));
  });

  test('cannot log in while they are disabled, and are told what everybody is told', async () => {
    const { users, logins, consumers } = await setUp();
    const { id } = await users.create(ADA, by);
    const unknown = await logins.logIn({ ...ADA, email: 'eve@example.com', address: HERE }).catch((error) => error);
    await consumers.patch(id, { status: 'disabled' }, by);
    const disabled = await logins.logIn({ ...ADA, address: HERE }).catch((error) => error);
    expect(disabled.rejection).toEqual(unknown.rejection);
    await consumers.patch(id, { status: 'active' }, by);
    await expect(logins.logIn({ ...ADA, address: HERE })).resolves.toMatchObject({ id });
  });

  test('that were adopted with a bcrypt hash get one of our own at the next login', async () => {
    const { users, logins, database } = await setUp();
    const passwordHash = await hashBcrypt(ADA.password, { cost: 4 });
    await users.adopt({ email: ADA.email, passwordHash }, by);
    await expect(users.hasImportedHashes()).resolves.toBe(true);
    await expect(logins.logIn({ ...ADA, password: 'wrong', address: HERE })).rejects.toBeDefined();
    await expect(logins.logIn({ ...ADA, address: HERE })).resolves.toMatchObject({ email: ADA.email });
    const [row] = await database.reader('users');
    expect(row).toMatchObject({ password_scheme: 'argon2id', password_hash: expect.stringContaining('$argon2id$') });
    await expect(users.hasImportedHashes()).resolves.toBe(false);
    await expect(logins.logIn({ ...ADA, address: HERE })).resolves.toBeDefined();
  });

  test('cannot be adopted with something that is no hash', async () => {
    const { users } = await setUp();
    const adoption = users.adopt({ email: ADA.email, passwordHash: 'password123' }, by);
    await expect(adoption).rejects.toEqual(refusedWith('VALIDATION_ERROR'));
  });

  test('are protected from guessing at one place, and log in from another meanwhile', async () => {
    const { users, logins } = await setUp();
    await users.create(ADA, by);
    const codes: unknown[] = [];
    for (let i = 0; i < 12; i++) {
      const error = await logins.logIn({ ...ADA, password: `guess ${i}`, address: HERE }).catch((reason) => reason);
      codes.push(error.rejection.code);
    }
    expect(codes).toEqual([...Array(10).fill('INVALID_CREDENTIAL'), ...Array(2).fill('RATE_LIMIT_EXCEEDED')]);
    await expect(logins.logIn({ ...ADA, address: HERE })).rejects.toEqual(refusedWith('RATE_LIMIT_EXCEEDED'));
    await expect(logins.logIn({ ...ADA, address: '198.51.100.7' })).resolves.toMatchObject({ email: ADA.email });
  });

  test('are protected from many guesses that are sent at once as from one after the other', async () => {
    const { users, logins } = await setUp();
    await users.create(ADA, by);
    const guesses = Array.from({ length: 40 }, (_, i) =>
      logins.logIn({ ...ADA, password: `guess ${i}`, address: HERE }),
    );
    const codes = (await Promise.allSettled(guesses)).map((result) =>
      result.status === 'rejected' ? result.reason.rejection.code : 'in',
    );
    // Two are computed at a time, so two more may have begun when the tenth failure is counted.
    expect(codes.filter((code) => code === 'INVALID_CREDENTIAL').length).toBeLessThanOrEqual(12);
    // The rest is refused by the count, or before it because one address may have only so many checked at once.
    const refused = codes.filter((code) => code === 'RATE_LIMIT_EXCEEDED' || code === 'OVERLOADED');
    expect(refused.length).toBeGreaterThanOrEqual(28);
  });
});
