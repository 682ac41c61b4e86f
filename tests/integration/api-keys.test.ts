import { expect, test } from '@jest/globals';
import type { ApiKey } from '../../src/identity/api-key-row.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { BY_TEST } from '../support/by-test.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';
import { makeIdentities } from '../support/identity-builder.ts';
import { makeManualClock } from '../support/manual-clock.ts';

const DAY = 86_400_000;
/** What narrows a key beside its scopes. */
const BOUNDS = { models: ['gpt-*'], routes: ['a'], addresses: ['10.0.0.0/8'] };
const limits = { limits: [{ limit: 5, window: 60_000 }] };

const refusedWith = (code: string) => expect.objectContaining({ rejection: expect.objectContaining({ code }) });

describeOnBothDatabases('API keys', ({ openMigrated }) => {
  const openIdentity = makeIdentities();

  test('are shown once and stored as a hash only', async () => {
    const database = await openMigrated();
    const { keys } = await openIdentity(database);
    const { apiKey, key } = await keys.issue({ owner: 'alice' }, BY_TEST);
    const rows: unknown = await database.reader('api_keys').select('*');
    expect(JSON.stringify(rows)).not.toContain(apiKey);
    expect(JSON.stringify(rows)).not.toContain(apiKey.slice(16, 48));
    expect(JSON.stringify(key)).not.toContain(apiKey.slice(16, 48));
    expect(key).toMatchObject({ prefix: apiKey.slice(0, 16), status: 'active', owner: { name: 'alice' } });
  });

  test('of one owner name share one consumer, also when issued at the same moment', async () => {
    const { keys } = await openIdentity(await openMigrated());
    const issued = await Promise.all(Array.from({ length: 8 }, () => keys.issue({ owner: 'alice' }, BY_TEST)));
    expect(new Set(issued.map(({ key }) => key.owner.id)).size).toBe(1);
    expect(new Set(issued.map(({ apiKey }) => apiKey)).size).toBe(8);
  });

  test('come back with everything they were issued with', async () => {
    const { keys } = await openIdentity(await openMigrated());
    const fields = {
      owner: 'bob',
      tier: 'pro',
      name: 'ci',
      env: 'test',
      scopes: ['chat:*'],
      rateLimit: limits,
    } as const;
    const { key } = await keys.issue({ ...fields, expiresAt: Date.now() + DAY }, BY_TEST);
    await expect(keys.get(key.id)).resolves.toEqual(key);
    expect(key).toMatchObject({
      owner: { name: 'bob', tier: 'pro' },
      name: 'ci',
      scopes: ['chat:*'],
      rateLimit: limits,
    });
  });

  test('cannot change the tier of an owner that exists', async () => {
    const { keys } = await openIdentity(await openMigrated());
    await keys.issue({ owner: 'bob', tier: 'pro' }, BY_TEST);
    await expect(keys.issue({ owner: 'bob', tier: 'free' }, BY_TEST)).rejects.toEqual(refusedWith('CONFLICT'));
  });

  test('are listed newest first in pages that miss none and repeat none while keys are added', async () => {
    const clock = makeManualClock();
    const { keys } = await openIdentity(await openMigrated(), { clock });
    const expected: string[] = [];
    for (let i = 0; i < 5; i++) {
      expected.unshift((await keys.issue({ owner: `owner ${i % 2}` }, BY_TEST)).key.id);
      clock.advance(1);
    }
    const seen: ApiKey[] = [];
    let cursor: string | undefined;
    do {
      const page = await keys.list({ limit: 2, cursor });
      seen.push(...page.items);
      cursor = page.nextCursor;
      await keys.issue({ owner: 'late' }, BY_TEST);
    } while (cursor !== undefined);
    expect(seen.map((key) => key.id)).toEqual(expected);
  });

  test('are listed for one owner alone when asked', async () => {
    const { keys } = await openIdentity(await openMigrated());
    const { key } = await keys.issue({ owner: 'alice' }, BY_TEST);
    await keys.issue({ owner: 'bob' }, BY_TEST);
    const { items } = await keys.list({ consumerId: key.owner.id });
    expect(items.map((item) => item.id)).toEqual([key.id]);
  });

  test('are not listed with a limit outside 1 to 200 or a cursor that was not given out', async () => {
    const { keys } = await openIdentity(await openMigrated());
    const requests = [{ limit: 0 }, { limit: 201 }, { limit: 1.5 }, { cursor: 'x' }, { cursor: "1.a' or 1=1" }];
    for (const request of requests) {
      await expect(keys.list(request)).rejects.toEqual(refusedWith('VALIDATION_ERROR'));
    }
  });

  test('change what a patch names, and null clears it', async () => {
    const { keys } = await openIdentity(await openMigrated());
    const fields = { owner: 'a', name: 'old', scopes: ['x'], ...BOUNDS, rateLimit: limits };
    const { key } = await keys.issue(fields, BY_TEST);
    expect(key).toMatchObject(BOUNDS);
    const patched = await keys.patch(key.id, { name: 'new', scopes: null, routes: ['b'] }, BY_TEST);
    expect(patched).toEqual({ ...key, name: 'new', scopes: undefined, routes: ['b'] });
    await expect(keys.patch(key.id, {}, BY_TEST)).resolves.toEqual(patched);
  });

  test('stay revoked: no patch, no rotation, and a second revocation changes nothing', async () => {
    const clock = makeManualClock();
    const { keys } = await openIdentity(await openMigrated(), { clock });
    const { key } = await keys.issue({ owner: 'a' }, BY_TEST);
    const revoked = await keys.revoke(key.id, BY_TEST);
    expect(revoked).toMatchObject({ status: 'revoked', revokedAt: clock.now() });
    clock.advance(1000);
    await expect(keys.revoke(key.id, BY_TEST)).resolves.toEqual(revoked);
    await expect(keys.patch(key.id, { name: 'x' }, BY_TEST)).rejects.toEqual(refusedWith('CONFLICT'));
    await expect(keys.rotate(key.id, 0, BY_TEST)).rejects.toEqual(refusedWith('CONFLICT'));
  });

  test('that do not exist are NOT_FOUND', async () => {
    const { keys } = await openIdentity(await openMigrated());
    const attempts = [
      () => keys.get('none'),
      () => keys.patch('none', {}, BY_TEST),
      () => keys.revoke('none', BY_TEST),
      () => keys.rotate('none', 0, BY_TEST),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toEqual(refusedWith('NOT_FOUND'));
  });

  test('rotate into a successor with the same properties; the old one ends after the grace', async () => {
    const clock = makeManualClock();
    const { keys } = await openIdentity(await openMigrated(), { clock });
    const old = (
      await keys.issue({ owner: 'a', name: 'n', env: 'test', scopes: ['x'], ...BOUNDS, rateLimit: limits }, BY_TEST)
    ).key;
    clock.advance(5);
    const { apiKey, key } = await keys.rotate(old.id, 1000, BY_TEST);
    expect(key).toEqual({ ...old, id: key.id, prefix: apiKey.slice(0, 16), createdAt: clock.now() });
    await expect(keys.get(old.id)).resolves.toMatchObject({ expiresAt: clock.now() + 1000, replacedBy: key.id });
  });

  test('end at once when rotated without grace, and grace never prolongs an expiry', async () => {
    const { keys } = await openIdentity(await openMigrated());
    const first = (await keys.issue({ owner: 'a' }, BY_TEST)).key;
    await keys.rotate(first.id, 0, BY_TEST);
    await expect(keys.get(first.id)).resolves.toMatchObject({ status: 'revoked' });
    const expiresAt = Date.now() + 60_000;
    const second = (await keys.issue({ owner: 'a', expiresAt }, BY_TEST)).key;
    await keys.rotate(second.id, DAY, BY_TEST);
    await expect(keys.get(second.id)).resolves.toMatchObject({ expiresAt });
  });

  test('rotate once when ten rotations arrive at the same moment', async () => {
    const { keys } = await openIdentity(await openMigrated());
    const { key } = await keys.issue({ owner: 'a' }, BY_TEST);
    const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => keys.rotate(key.id, 1000, BY_TEST)));
    expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(1);
    expect((await keys.list({})).items).toHaveLength(2);
  });

  test('are never more than the owner may have, also when many are asked for at once', async () => {
    const { keys } = await openIdentity(await openMigrated());
    const ask = () => keys.issue({ owner: 'bob', mostWorking: 5 }, BY_TEST);
    const settled = await Promise.allSettled(Array.from({ length: 20 }, ask));
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    const [revoked] = (await keys.list({ limit: 10 })).items;
    await keys.revoke(revoked?.id ?? '', BY_TEST);
    await ask();
    await expect(ask()).rejects.toEqual(refusedWith('CONFLICT'));
  });

  test('are not issued to a disabled owner', async () => {
    const { keys, consumers } = await openIdentity(await openMigrated());
    const { owner } = (await keys.issue({ owner: 'a' }, BY_TEST)).key;
    await consumers.patch(owner.id, { status: 'disabled' }, BY_TEST);
    await expect(keys.issue({ owner: 'a' }, BY_TEST)).rejects.toEqual(refusedWith('CONFLICT'));
  });

  test('remember their last use to the minute without a write per request', async () => {
    const identity: Identity = await openIdentity(await openMigrated());
    const { apiKey, key } = await identity.keys.issue({ owner: 'a' }, BY_TEST);
    for (let i = 0; i < 100; i++) await identity.directory.find(apiKey, '192.0.2.1');
    await identity.close();
    const { lastUsedAt } = await identity.keys.get(key.id);
    expect(lastUsedAt).toBeGreaterThan(Date.now() - 60_000);
  });
});

describeOnBothDatabases('Consumers', ({ openMigrated }) => {
  const openIdentity = makeIdentities();

  test('have unique names and keep what they were created with', async () => {
    const { consumers } = await openIdentity(await openMigrated());
    const made = await consumers.create(
      { name: 'acme', tier: 'pro', permissions: ['a:b'], rateLimit: limits },
      BY_TEST,
    );
    await expect(consumers.get(made.id)).resolves.toEqual(made);
    await expect(consumers.create({ name: 'acme' }, BY_TEST)).rejects.toEqual(refusedWith('CONFLICT'));
    await expect(consumers.list({})).resolves.toEqual({ items: [made], nextCursor: undefined });
  });

  test('change what a patch names; one that does not exist is NOT_FOUND', async () => {
    const { consumers } = await openIdentity(await openMigrated());
    const made = await consumers.create({ name: 'acme', tier: 'pro' }, BY_TEST);
    const patched = await consumers.patch(made.id, { tier: null, rateLimit: limits, permissions: [] }, BY_TEST);
    expect(patched).toMatchObject({ tier: undefined, rateLimit: limits, permissions: [], status: 'active' });
    await expect(consumers.patch('none', { tier: 'x' }, BY_TEST)).rejects.toEqual(refusedWith('NOT_FOUND'));
  });
});
