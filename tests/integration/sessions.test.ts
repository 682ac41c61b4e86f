import { expect, test } from '@jest/globals';
import { GATEWAY_CONTEXT } from '../../src/identity/audit/audit-context.ts';
import { pruneFamilies } from '../../src/identity/users/refresh-families.ts';
import type { TokenPair } from '../../src/identity/users/refresh-tokens.ts';
import { Secret } from '../../src/lib/secret.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';
import { makeIdentities } from '../support/identity-builder.ts';
import { makeManualClock } from '../support/manual-clock.ts';

const by = GATEWAY_CONTEXT;
const DAY_MS = 86_400_000;
const HERE = '192.0.2.1';

const refusedWith = (code: string) => expect.objectContaining({ rejection: expect.objectContaining({ code }) });

describeOnBothDatabases('Sessions', ({ openMigrated }) => {
  const openIdentity = makeIdentities();

  async function logIn() {
    const clock = makeManualClock();
    const database = await openMigrated();
    const developmentSecret = new Secret('a secret of 32 bytes and some more of them');
    const identity = await openIdentity(database, { clock, developmentSecret });
    const { id } = await identity.consumers.create({ name: 'ada', tier: 'pro' }, by);
    const pair = await identity.sessions.begin({ id, tier: 'pro' });
    const kindOf = async ({ accessToken }: TokenPair) => (await identity.tokens.directory.find(accessToken, HERE)).kind;
    return { ...identity, clock, database, id, pair, kindOf };
  }

  test('give an access token and a refresh token that is stored as a hash only', async () => {
    const { pair, kindOf, database } = await logIn();
    await expect(kindOf(pair)).resolves.toBe('found');
    expect(pair).toMatchObject({ expiresInSeconds: 1800, refreshToken: expect.stringMatching(/^rt_[\w-]{43}$/) });
    expect(JSON.stringify(await database.reader('refresh_tokens'))).not.toContain(pair.refreshToken.slice(3));
  });

  test('go on with a new pair at each use, while the access tokens before stay valid', async () => {
    const { pair, sessions, kindOf } = await logIn();
    const second = await sessions.refresh(pair.refreshToken, by);
    const third = await sessions.refresh(second.refreshToken, by);
    expect(new Set([pair, second, third].map(({ refreshToken }) => refreshToken)).size).toBe(3);
    for (const each of [pair, second, third]) await expect(kindOf(each)).resolves.toBe('found');
  });

  test('end with all their tokens when a refresh token is used again, and the log says so', async () => {
    const { pair, sessions, kindOf, database, id } = await logIn();
    const second = await sessions.refresh(pair.refreshToken, by);
    await expect(sessions.refresh(pair.refreshToken, by)).rejects.toEqual(refusedWith('REVOKED_CREDENTIAL'));
    await expect(sessions.refresh(second.refreshToken, by)).rejects.toEqual(refusedWith('REVOKED_CREDENTIAL'));
    for (const each of [pair, second]) await expect(kindOf(each)).resolves.toBe('refused');
    const [burn] = await database.reader('audit_log').where({ action: 'session.burn' });
    expect(burn).toMatchObject({ actor: id });
  });

  test('are rotated once by ten uses of one token at the same moment', async () => {
    const { pair, sessions, database } = await logIn();
    const uses = Array.from({ length: 10 }, () => sessions.refresh(pair.refreshToken, by));
    const results = await Promise.allSettled(uses);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(database.reader('refresh_tokens')).resolves.toHaveLength(2);
    await expect(database.reader('audit_log').where({ action: 'session.burn' })).resolves.toHaveLength(1);
  });

  test('leave no living token behind when a rotation meets the end of its family', async () => {
    const { pair, sessions, database } = await logIn();
    const second = await sessions.refresh(pair.refreshToken, by);
    await Promise.allSettled([
      sessions.refresh(second.refreshToken, by),
      sessions.refresh(pair.refreshToken, by),
      sessions.refresh(second.refreshToken, by),
    ]);
    await expect(database.reader('refresh_families').where({ revoked_at: null })).resolves.toEqual([]);
  });

  test('of one consumer end one by one', async () => {
    const { pair, sessions, kindOf, id, tokens } = await logIn();
    const other = await sessions.begin({ id });
    const found = await tokens.directory.find(pair.accessToken, HERE);
    if (found.kind !== 'found') throw new Error('the token is not accepted');
    const { credential, expiresAt = 0 } = found.principal;
    await sessions.end({ jti: credential.id, family: credential.family, until: expiresAt });
    await expect(sessions.refresh(pair.refreshToken, by)).rejects.toEqual(refusedWith('REVOKED_CREDENTIAL'));
    await expect(kindOf(pair)).resolves.toBe('refused');
    await expect(kindOf(other)).resolves.toBe('found');
    await expect(sessions.refresh(other.refreshToken, by)).resolves.toBeDefined();
  });

  test('last as long as the refresh token, counted from its last use, and are forgotten later', async () => {
    const { pair, sessions, clock, database } = await logIn();
    clock.advance(29 * DAY_MS);
    const second = await sessions.refresh(pair.refreshToken, by);
    clock.advance(30 * DAY_MS - 1);
    const third = await sessions.refresh(second.refreshToken, by);
    clock.advance(30 * DAY_MS);
    await expect(sessions.refresh(third.refreshToken, by)).rejects.toEqual(refusedWith('EXPIRED_CREDENTIAL'));
    clock.advance(1);
    await pruneFamilies(database.knex, clock.now());
    await expect(database.reader('refresh_tokens')).resolves.toEqual([]);
    await expect(sessions.refresh(third.refreshToken, by)).rejects.toEqual(refusedWith('INVALID_CREDENTIAL'));
  });

  test('end for good when their consumer is disabled', async () => {
    const { pair, sessions, consumers, id } = await logIn();
    await consumers.patch(id, { status: 'disabled' }, by);
    await expect(sessions.refresh(pair.refreshToken, by)).rejects.toEqual(refusedWith('REVOKED_CREDENTIAL'));
    await consumers.patch(id, { status: 'active' }, by);
    await expect(sessions.refresh(pair.refreshToken, by)).rejects.toEqual(refusedWith('REVOKED_CREDENTIAL'));
  });

  test('end with their refresh tokens when an administrator revokes the tokens of a login or of a consumer', async () => {
    const { pair, sessions, tokens, database, id, clock, kindOf } = await logIn();
    const other = await sessions.begin({ id });
    const until = clock.now() + DAY_MS;
    const [family] = await database.reader('refresh_families').orderBy('created_at').pluck('id');
    await tokens.revocations.revoke({ family, until }, by);
    const open = async () =>
      (await Promise.allSettled([pair, other].map(({ refreshToken }) => sessions.refresh(refreshToken, by)))).filter(
        ({ status }) => status === 'fulfilled',
      ).length;
    await expect(open()).resolves.toBe(1);
    await tokens.revocations.revoke({ consumer: id, until }, by);
    await expect(kindOf(other)).resolves.toBe('refused');
    await expect(database.reader('refresh_families').where({ revoked_at: null })).resolves.toEqual([]);
  });

  test.each([
    ['nothing', ''],
    ['a prefix', 'rt_'],
    ['a guess', 'rt_guessed'],
    ['SQL', "' or 1=1 --"],
    ['10,000 letters', 'x'.repeat(10_000)],
  ])('are not refreshed by %s', async (_name, presented) => {
    const { sessions } = await logIn();
    await expect(sessions.refresh(presented, by)).rejects.toEqual(refusedWith('INVALID_CREDENTIAL'));
  });

  test('are not rotated when no access token can be signed', async () => {
    const { pair, database, sessions } = await logIn();
    const unsigned = await openIdentity(database);
    await expect(unsigned.sessions.refresh(pair.refreshToken, by)).rejects.toEqual(refusedWith('STORE_UNAVAILABLE'));
    await expect(sessions.refresh(pair.refreshToken, by)).resolves.toBeDefined();
  });
});
