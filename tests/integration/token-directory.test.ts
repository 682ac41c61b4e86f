import { expect, test } from '@jest/globals';
import type { KeyLookup } from '../../src/identity/known-key.ts';
import { Secret } from '../../src/lib/secret.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';
import { makeIdentities } from '../support/identity-builder.ts';
import { makeManualClock } from '../support/manual-clock.ts';
import { until } from '../support/poll.ts';
import { SECRET } from '../support/token-forge.ts';

const CLIENT = '192.0.2.1';
const MINUTE_MS = 60_000;
const BY_TEST = { actor: 'test', address: undefined, requestId: undefined };
const UNAVAILABLE = { kind: 'unavailable' };

describeOnBothDatabases('The token directory', (maker) => {
  const openIdentity = makeIdentities();

  async function setUp() {
    const clock = makeManualClock();
    const database = await maker.openMigrated();
    const identity = await openIdentity(database, { clock, developmentSecret: new Secret(SECRET) });
    const { tokens, consumers } = identity;
    const find = (token: string) => tokens.directory.find(token, CLIENT);
    const issue = async (id: string) => (await tokens.issuer.issueAccess({ consumer: { id } })).token;
    return { clock, database, identity, tokens, consumers, find, issue };
  }

  test('finds a token, and the second time at once and with the same frozen principal', async () => {
    const { tokens, consumers, find } = await setUp();
    const limits = { limits: [{ limit: 5, window: 60_000 }] };
    const fields = { name: 'bob', tier: 'pro', permissions: ['chat:*', 'embed:*'], rateLimit: limits };
    const { id } = await consumers.create(fields, BY_TEST);
    const { token } = await tokens.issuer.issueAccess({
      consumer: { id, tier: 'an old one' },
      family: 'f1',
      lob: 'wealth',
      permissions: ['chat:read'],
    });
    const first = await find(token);
    expect(first).toMatchObject({
      kind: 'found',
      principal: {
        consumer: { id, name: 'bob', tier: 'pro' },
        credential: { kind: 'token', prefix: 'own', family: 'f1' },
        permissions: ['chat:read'],
        lob: 'wealth',
        limits: [{ level: 'consumer', id, rate_limit: limits }],
      },
    });
    expect(find(token)).toBe(first);
    expect(Object.isFrozen((first as { principal: object }).principal)).toBe(true);
  });

  test('keeps no refusal that a change has overtaken', async () => {
    const { tokens, find } = await setUp();
    const { token } = await tokens.issuer.issueAccess({ consumer: { id: 'usr_gone' }, family: 'f1' });
    const refused = find(token);
    tokens.directory.forget('everything');
    expect(await refused).toMatchObject({ kind: 'refused' });
    expect(find(token)).toBeInstanceOf(Promise);
    expect(await find(token)).toMatchObject({ kind: 'refused' });
    expect(find(token)).not.toBeInstanceOf(Promise);
  });

  test('verifies and looks up a token once for all who bring it at the same time', async () => {
    const { tokens, find, issue } = await setUp();
    const token = await issue('alice');
    const answers = await Promise.all(Array.from({ length: 1000 }, async () => find(token)));
    expect(new Set(answers).size).toBe(1);
    expect(tokens.directory.size).toBe(1);
  });

  test('tells what changed about a consumer without being asked again for the token', async () => {
    const { consumers, find, issue } = await setUp();
    const { id } = await consumers.create({ name: 'bob', tier: 'free' }, BY_TEST);
    const token = await issue(id);
    await find(token);
    await consumers.patch(id, { tier: 'pro', permissions: ['chat:*'] }, BY_TEST);
    expect(await find(token)).toMatchObject({ principal: { consumer: { tier: 'pro' }, permissions: ['chat:*'] } });
  });

  test('serves a known token 15 min while the store is down, and never says that an unknown one is wrong', async () => {
    const { clock, database, find, issue, tokens } = await setUp();
    tokens.configure({
      auth: { jwt: { own: { algorithm: 'HS256', access_ttl: 60 * MINUTE_MS, refresh_ttl: 1 }, issuers: [] } },
      tiers: {},
      consumers: [],
    });
    const [known, unknown] = [await issue('alice'), await issue('bob')];
    await find(known);
    await database.close();
    clock.advance(15 * MINUTE_MS - 1);
    expect(find(known)).toMatchObject({ kind: 'found' });
    await until(async () => (await find(unknown)).kind === 'unavailable');
    clock.advance(1);
    expect(await find(known)).toEqual(UNAVAILABLE);
  });

  test('says that a token has expired from the very millisecond', async () => {
    const { clock, find, issue } = await setUp();
    const token = await issue('alice');
    await find(token);
    clock.advance(30 * MINUTE_MS - 1);
    expect((await find(token)).kind).toBe('found');
    clock.advance(1);
    const expired: KeyLookup = { kind: 'refused', reason: 'expired' };
    expect(find(token)).toEqual(expired);
  });
});
