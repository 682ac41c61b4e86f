import { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import type { Principal } from '../../src/exchange/principal.ts';
import { RedisChangeNotifier } from '../../src/identity/change-notifier.ts';
import { generateApiKey, hashApiKey } from '../../src/identity/api-key-format.ts';
import type { Identity } from '../../src/identity/identity.ts';
import type { KeyLookup } from '../../src/identity/known-key.ts';
import { migrateDatabase } from '../../src/storage/migrate.ts';
import { BY_TEST } from '../support/by-test.ts';
import { type DatabaseMaker, describeOnBothDatabases } from '../support/database-suite.ts';
import { makeIdentities } from '../support/identity-builder.ts';
import { makeManualClock } from '../support/manual-clock.ts';
import { until } from '../support/poll.ts';

const CLIENT = '192.0.2.1';
const rateLimit = { limits: [{ limit: 5, window: 60_000 }] };
const refused = (reason: string) => ({ kind: 'refused', reason });

/** Two processes' worth of identity on one database. */
async function openPair(maker: DatabaseMaker, openIdentity: ReturnType<typeof makeIdentities>) {
  const address = await maker.makeAddress();
  const [one, other] = [await maker.open(address), await maker.open(address)];
  await migrateDatabase(one);
  return { here: await openIdentity(one), there: await openIdentity(other) };
}

/** Asks until the answer is this one, and resolves with the milliseconds it took. */
async function timeUntil(identity: Identity, key: string, answer: KeyLookup | object): Promise<number> {
  const startedAt = performance.now();
  await until(async () => {
    expect(await identity.directory.find(key, CLIENT)).toMatchObject(answer);
    return true;
  });
  return performance.now() - startedAt;
}

describeOnBothDatabases('The key directory', (maker) => {
  const openIdentity = makeIdentities();

  test('finds a stored key, and the second time at once and with the same frozen principal', async () => {
    const { keys, directory } = await openIdentity(await maker.openMigrated());
    const { apiKey, key } = await keys.issue({ owner: 'alice', scopes: ['chat:*'], rateLimit }, BY_TEST);
    const first = await directory.find(apiKey, CLIENT);
    expect(first).toMatchObject({
      kind: 'found',
      principal: {
        consumer: { id: key.owner.id, name: 'alice', tier: undefined },
        credential: { kind: 'api_key', id: key.id, prefix: key.prefix, hashPrefix: hashApiKey(apiKey).slice(0, 8) },
        permissions: ['chat:*'],
        limits: [{ level: 'key', id: key.id, rate_limit: rateLimit }],
      },
    });
    expect(directory.find(apiKey, CLIENT)).toBe(first);
    expect(Object.isFrozen((first as { principal: object }).principal)).toBe(true);
  });

  test('refuses an unknown key from then on without asking the store', async () => {
    const { directory } = await openIdentity(await maker.openMigrated());
    const { text } = generateApiKey('live');
    expect(await directory.find(text, CLIENT)).toEqual(refused('unknown'));
    expect(directory.find(text, CLIENT)).toEqual(refused('unknown'));
  });

  test('reads the store once for many requests with one new key', async () => {
    const database = await maker.openMigrated();
    const { keys, directory } = await openIdentity(database);
    const { apiKey } = await keys.issue({ owner: 'alice' }, BY_TEST);
    let reads = 0;
    database.reader.on('query', (query: { sql: string }) => {
      if (query.sql.includes('api_keys')) reads += 1;
    });
    const answers = await Promise.all(Array.from({ length: 50 }, async () => directory.find(apiKey, CLIENT)));
    expect(new Set(answers).size).toBe(1);
    expect(reads).toBe(1);
  });

  test('checks the expiry at each use, also of a cached key', async () => {
    const clock = makeManualClock();
    const { keys, directory } = await openIdentity(await maker.openMigrated(), { clock });
    const { apiKey } = await keys.issue({ owner: 'alice', expiresAt: clock.now() + 1000 }, BY_TEST);
    clock.advance(999);
    expect(await directory.find(apiKey, CLIENT)).toMatchObject({ kind: 'found' });
    clock.advance(1);
    expect(directory.find(apiKey, CLIENT)).toEqual(refused('expired'));
  });

  test('refuses a revoked key in the process that revoked it as soon as that is acknowledged', async () => {
    const { keys, directory } = await openIdentity(await maker.openMigrated());
    const { apiKey, key } = await keys.issue({ owner: 'alice' }, BY_TEST);
    await directory.find(apiKey, CLIENT);
    await keys.revoke(key.id, BY_TEST);
    expect(await directory.find(apiKey, CLIENT)).toEqual(refused('revoked'));
  });

  test('refuses a revoked key in another process within 2 s without any notifier', async () => {
    const { here, there } = await openPair(maker, openIdentity);
    const { apiKey, key } = await here.keys.issue({ owner: 'alice' }, BY_TEST);
    await timeUntil(there, apiKey, { kind: 'found' });
    await here.keys.revoke(key.id, BY_TEST);
    expect(await timeUntil(there, apiKey, refused('revoked'))).toBeLessThan(2000);
  });

  test('notices in another process a disabled owner, new limits and a key that was unknown before', async () => {
    const { here, there } = await openPair(maker, openIdentity);
    const { apiKey, key } = await here.keys.issue({ owner: 'alice' }, BY_TEST);
    await timeUntil(there, apiKey, { kind: 'found' });
    await here.consumers.patch(key.owner.id, { rateLimit }, BY_TEST);
    await timeUntil(there, apiKey, { principal: { limits: [{ level: 'consumer', id: key.owner.id }] } });
    await here.consumers.patch(key.owner.id, { status: 'disabled' }, BY_TEST);
    await timeUntil(there, apiKey, refused('disabled'));
    await here.consumers.patch(key.owner.id, { status: 'active' }, BY_TEST);
    await timeUntil(there, apiKey, { kind: 'found' });
  });

  test('answers with what owner and key may both do, and notices when either is narrowed', async () => {
    const { here, there } = await openPair(maker, openIdentity);
    const bounds = {
      scopes: ['embed:*', 'chat:write'],
      models: ['gpt-*'],
      routes: ['chat'],
      addresses: ['10.0.0.0/8'],
    };
    const { apiKey, key } = await here.keys.issue({ owner: 'alice', ...bounds }, BY_TEST);
    const rights = { permissions: bounds.scopes, models: ['gpt-*'], routes: ['chat'] };
    await timeUntil(there, apiKey, { principal: rights });
    const { principal } = (await there.directory.find(apiKey, CLIENT)) as { principal: Principal };
    expect(['10.1.2.3', '11.0.0.1'].map((address) => principal.addresses?.(address))).toEqual([true, false]);
    await here.consumers.patch(key.owner.id, { permissions: ['embed:read', 'chat:*'] }, BY_TEST);
    await timeUntil(there, apiKey, { principal: { permissions: ['embed:read', 'chat:write'] } });
    await here.keys.patch(key.id, { scopes: [], models: null }, BY_TEST);
    await timeUntil(there, apiKey, { principal: { permissions: [], models: undefined, routes: ['chat'] } });
  });

  test('keeps both keys of a rotation working until the grace ends', async () => {
    const clock = makeManualClock();
    const { keys, directory } = await openIdentity(await maker.openMigrated(), { clock });
    const old = await keys.issue({ owner: 'alice' }, BY_TEST);
    await directory.find(old.apiKey, CLIENT);
    const successor = await keys.rotate(old.key.id, 1000, BY_TEST);
    expect(await directory.find(old.apiKey, CLIENT)).toMatchObject({ kind: 'found' });
    expect(await directory.find(successor.apiKey, CLIENT)).toMatchObject({ kind: 'found' });
    clock.advance(1000);
    expect(await directory.find(old.apiKey, CLIENT)).toEqual(refused('expired'));
  });

  test('serves known keys for 15 min while the store is down and refuses none it does not know', async () => {
    const clock = makeManualClock();
    const database = await maker.openMigrated();
    const { keys, directory } = await openIdentity(database, { clock });
    const { apiKey } = await keys.issue({ owner: 'alice' }, BY_TEST);
    const other = await keys.issue({ owner: 'bob' }, BY_TEST);
    await directory.find(apiKey, CLIENT);
    await database.close();
    clock.advance(15 * 60_000 - 1);
    expect(directory.find(apiKey, CLIENT)).toMatchObject({ kind: 'found' });
    expect(await directory.find(other.apiKey, CLIENT)).toEqual({ kind: 'unavailable' });
    clock.advance(1);
    expect(await directory.find(apiKey, CLIENT)).toEqual({ kind: 'unavailable' });
  });

  test('reads a known key again after 5 min and meanwhile serves what it has', async () => {
    const clock = makeManualClock();
    const database = await maker.openMigrated();
    const { keys, directory } = await openIdentity(database, { clock });
    const { apiKey, key } = await keys.issue({ owner: 'alice' }, BY_TEST);
    await directory.find(apiKey, CLIENT);
    // Behind the feed's back, as after restoring a backup.
    await database.knex('api_keys').where({ id: key.id }).update({ revoked_at: 1 });
    clock.advance(5 * 60_000);
    expect(directory.find(apiKey, CLIENT)).toMatchObject({ kind: 'found' });
    await until(() => directory.size === 0);
    expect(directory.find(apiKey, CLIENT)).toEqual(refused('revoked'));
  });
});

describe('The hint through Redis', () => {
  test('reaches listeners of the channel and hides every failure of Redis', async () => {
    const bus = new EventEmitter();
    const publisher = { publish: async (channel: string) => bus.emit('message', channel, '') };
    const subscriber = { subscribe: () => Promise.reject(new Error('down')), on: bus.on.bind(bus) };
    const notifier = new RedisChangeNotifier(publisher, subscriber, 'test:identity');
    let hints = 0;
    notifier.subscribe(() => {
      hints += 1;
    });
    bus.emit('message', 'another channel', '');
    notifier.publish();
    expect(hints).toBe(1);
    new RedisChangeNotifier(
      { publish: () => Promise.reject(new Error('down')) },
      subscriber,
      'test:identity',
    ).publish();
    await Promise.resolve();
  });
});
