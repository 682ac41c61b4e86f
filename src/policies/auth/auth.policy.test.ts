import { afterEach, expect, test } from '@jest/globals';
import { BY_TEST } from '../../../tests/support/by-test.ts';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import { makeManualClock } from '../../../tests/support/manual-clock.ts';
import type { Rejection } from '../../errors/rejection.ts';
import { HeaderList } from '../../edge/header-list.ts';
import { type Identity, openIdentity } from '../../identity/identity.ts';
import { type Database, openDatabase } from '../../storage/database.ts';
import { migrateDatabase } from '../../storage/migrate.ts';
import { createAuthStep } from './auth.policy.ts';
import type { AuthConfig } from './schema.ts';

const KEY = 'sk-imported-and-valid';
const FILE_KEY_HASH = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const config: AuthConfig = { modes: ['api_key'], header: 'X-API-Key', token_in_query: false, on_stale_feed: 'serve' };

const open: { identity: Identity; database: Database }[] = [];
afterEach(async () => {
  for (const { identity, database } of open.splice(0)) {
    await identity.close();
    await database.close();
  }
});

async function setUp(changes: Partial<AuthConfig> = {}) {
  const clock = makeManualClock();
  const database = await openDatabase('sqlite::memory:');
  await migrateDatabase(database);
  const identity = await openIdentity({
    database,
    clock,
    failedAuth: { limit: 2, window: 60_000 },
    memoryKeys: [{ text: KEY, owner: 'dev_user' }],
    fileConsumers: [
      {
        id: 'billing',
        name: 'billing',
        enabled: true,
        keys: [{ id: 'k1', hash: FILE_KEY_HASH, expires_at: undefined }],
      },
    ],
  });
  open.push({ identity, database });
  const { decide } = createAuthStep({ ...config, ...changes }, identity);
  const ask = async (...raw: string[]) => {
    const exchange = buildExchange({ headers: HeaderList.from(raw) }, clock);
    return { exchange, rejection: (await decide(exchange)) as Rejection | undefined };
  };
  return { ask, clock, database, decide, identity };
}

test('accepts the key in its header and as a bearer, and names the header that must not be forwarded', async () => {
  const { ask } = await setUp();
  const { exchange } = await ask('x-api-key', KEY);
  expect(exchange.principal?.consumer.name).toBe('dev_user');
  expect(exchange.credentialHeader).toBe('x-api-key');
  for (const scheme of ['Bearer', 'bearer', 'BEARER ']) {
    expect((await ask('Authorization', `${scheme} ${KEY}`)).exchange.credentialHeader).toBe('authorization');
  }
});

test('accepts a key that stands in the file by its hash', async () => {
  const { ask } = await setUp();
  expect((await ask('X-API-Key', 'abc')).exchange.principal).toMatchObject({
    consumer: { id: 'billing' },
    credential: { id: 'k1', hashPrefix: 'ba7816bf' },
  });
});

test('lets the credential that is ours decide when two are sent, whichever header it came in', async () => {
  const { ask } = await setUp();
  const bearer = await ask('X-API-Key', 'meant for the upstream', 'Authorization', `Bearer ${KEY}`);
  expect([bearer.rejection, bearer.exchange.credentialHeader]).toEqual([undefined, 'authorization']);
  const key = await ask('X-API-Key', KEY, 'Authorization', 'Bearer wrong');
  expect([key.rejection, key.exchange.credentialHeader]).toEqual([undefined, 'x-api-key']);
  const twice = await ask('X-API-Key', KEY, 'Authorization', `Bearer ${KEY}`);
  expect(twice.exchange.credentialHeader).toBe('x-api-key');
  const two = await ask('X-API-Key', KEY, 'Authorization', 'Bearer abc');
  expect(two.rejection).toMatchObject({ code: 'INVALID_CREDENTIAL', internal: 'two callers' });
  expect(two.exchange.principal).toBeUndefined();
});

test('counts one failure for two credentials that both fail', async () => {
  const { ask } = await setUp();
  const codes = [];
  for (let i = 0; i < 3; i++)
    codes.push((await ask('X-API-Key', 'wrong', 'Authorization', 'Bearer bad')).rejection?.code);
  expect(codes).toEqual(['INVALID_CREDENTIAL', 'INVALID_CREDENTIAL', 'RATE_LIMIT_EXCEEDED']);
});

test('says of a valid key that only tokens are taken', async () => {
  const { ask } = await setUp({ modes: ['jwt'] });
  const { rejection, exchange } = await ask('Authorization', `Bearer ${KEY}`);
  expect([rejection?.internal, exchange.principal]).toEqual(['kind', undefined]);
});

test('takes the configured header, and no other', async () => {
  const { ask } = await setUp({ header: 'X-Team-Key' });
  expect((await ask('X-API-Key', KEY)).rejection?.code).toBe('MISSING_CREDENTIAL');
  expect((await ask('x-team-key', KEY)).rejection).toBeUndefined();
});

test.each([[[]], [['X-API-Key', '']], [['Authorization', 'Basic dTpw']], [['Authorization', 'Bearer']]])(
  'answers 401 MISSING_CREDENTIAL with a challenge to %j, and counts no failure',
  async (raw: string[]) => {
    const { ask } = await setUp();
    for (let i = 0; i < 4; i++) {
      const { rejection } = await ask(...raw);
      expect(rejection).toMatchObject({ code: 'MISSING_CREDENTIAL', status: 401 });
      expect(rejection?.headers).toEqual({ 'WWW-Authenticate': 'Bearer realm="turnpike"' });
    }
  },
);

test('tells an unknown, an expired and a revoked key apart', async () => {
  const { ask, clock, identity } = await setUp();
  identity.failedAuth.configure({ limit: 100, window: 60_000 });
  const expired = await identity.keys.issue({ owner: 'a', expiresAt: clock.now() }, BY_TEST);
  const revoked = await identity.keys.issue({ owner: 'a' }, BY_TEST);
  await identity.keys.revoke(revoked.key.id, BY_TEST);
  const expectations = [
    ['unknown', 'INVALID_CREDENTIAL'],
    [expired.apiKey, 'EXPIRED_CREDENTIAL'],
    [revoked.apiKey, 'REVOKED_CREDENTIAL'],
  ] as const;
  for (const [key, code] of expectations) {
    const { rejection } = await ask('X-API-Key', key);
    expect(rejection).toMatchObject({ code, status: 401 });
    expect(rejection?.headers?.['WWW-Authenticate']).toContain('error="invalid_token"');
  }
});

test('answers 429 to failing credentials past the limit of an address, while a good key always passes', async () => {
  const { ask, clock, identity } = await setUp();
  const { apiKey } = await identity.keys.issue({ owner: 'a' }, BY_TEST);
  for (const code of ['INVALID_CREDENTIAL', 'INVALID_CREDENTIAL', 'RATE_LIMIT_EXCEEDED']) {
    expect((await ask('X-API-Key', 'wrong')).rejection?.code).toBe(code);
  }
  clock.advance(1500);
  const { rejection } = await ask('X-API-Key', 'also wrong');
  expect(rejection).toMatchObject({ status: 429, headers: { 'Retry-After': '59' }, facts: { retryAfterSeconds: 59 } });
  expect((await ask('X-API-Key', KEY)).rejection).toBeUndefined();
  expect((await ask('X-API-Key', apiKey)).rejection).toBeUndefined();
});

test('answers 403 to a good key from an address it is not bound to, tells whose it is, and counts no failure', async () => {
  const { ask, identity } = await setUp();
  const bound = await identity.keys.issue({ owner: 'a', addresses: ['10.0.0.0/8'] }, BY_TEST);
  for (let i = 0; i < 4; i++) {
    const { exchange, rejection } = await ask('X-API-Key', bound.apiKey);
    expect(rejection).toMatchObject({ code: 'IP_NOT_ALLOWED', status: 403 });
    expect(exchange.principal?.consumer.name).toBe('a');
  }
  const free = await identity.keys.issue({ owner: 'a', addresses: ['10.0.0.0/8', 'loopback'] }, BY_TEST);
  expect((await ask('X-API-Key', free.apiKey)).rejection).toBeUndefined();
});

test('decides synchronously about a key it knows', async () => {
  const { ask, decide, identity } = await setUp();
  const { apiKey } = await identity.keys.issue({ owner: 'a' }, BY_TEST);
  await ask('X-API-Key', apiKey);
  expect(decide(buildExchange({ headers: HeaderList.from(['X-API-Key', apiKey]) }))).toBeUndefined();
  expect(decide(buildExchange({ headers: HeaderList.from(['X-API-Key', 'mistyped'.repeat(200)]) }))).toMatchObject({
    code: 'INVALID_CREDENTIAL',
  });
});

test('answers 503 with Retry-After, and not 401, to a key that cannot be looked up', async () => {
  const { ask, database, identity } = await setUp();
  const { apiKey } = await identity.keys.issue({ owner: 'a' }, BY_TEST);
  await database.close();
  const { rejection } = await ask('X-API-Key', apiKey);
  expect(rejection).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503, headers: { 'Retry-After': '2' } });
});

test('answers 503 once revocations have not been readable for 60 s, when so configured', async () => {
  const { ask, clock, database } = await setUp({ on_stale_feed: 'closed' });
  await database.close();
  clock.advance(60_000);
  expect((await ask('X-API-Key', KEY)).rejection).toBeUndefined();
  clock.advance(1);
  expect((await ask('X-API-Key', KEY)).rejection?.code).toBe('STORE_UNAVAILABLE');
});
