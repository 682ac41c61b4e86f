// Revoked means refused everywhere: two gateways on one database, each with its own caches.
import { afterEach, describe, expect, test } from '@jest/globals';
import { describeOnBothDatabases } from '../support/database-suite.ts';
import { until } from '../support/poll.ts';
import { describeWithRedis } from '../support/server-suite.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';
import { claims, forge, SECRET, seconds } from '../support/token-forge.ts';

const CONFIG = `
settings: { ${QUICK_SHUTDOWN}, failed_auth: { limit: 1000000 } }
auth: { jwt: { own: { secret: "\${SECRET_KEY}" } } }
consumers: [{ id: filed, keys: [] }, { id: parked, enabled: false, keys: [] }]
routes:
  - { name: guarded, match: { path: /guarded }, auth: { modes: [jwt] }, respond: { body: inside } }
`;

const IN_FORCE_MS = 2000;
const open: TestGateway[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((gateway) => gateway.close()));
});

async function startPair(env: Record<string, string>): Promise<[TestGateway, TestGateway]> {
  const here = await startTestGateway(CONFIG, { env: { SECRET_KEY: SECRET, ...env } });
  const there = await startTestGateway(CONFIG, { env: { SECRET_KEY: SECRET, ...env } });
  open.push(here, there);
  return [here, there];
}

async function present({ url }: TestGateway, token: string): Promise<string> {
  const res = await fetch(`${url}/guarded`, { headers: { Authorization: `Bearer ${token}` } });
  return res.status === 200 ? 'ok' : ((await res.json()) as { code: string }).code;
}

async function ask(gateway: TestGateway, method: string, path: string, body?: object) {
  const headers = { 'X-Master-Key': MASTER_KEY, 'Content-Type': 'application/json' };
  const res = await fetch(gateway.url + path, { method, headers, body: body ? JSON.stringify(body) : null });
  return { status: res.status, json: (await res.json()) as Record<string, string> };
}

/** Revokes at one gateway and resolves with the milliseconds until every gateway refuses the token. */
async function timeRevocation(gateways: readonly TestGateway[], token: string, body: object): Promise<number> {
  const [here] = gateways as [TestGateway];
  expect((await ask(here, 'POST', '/admin/tokens/revoke', body)).status).toBe(200);
  const startedAt = performance.now();
  expect(await present(here, token)).toBe('REVOKED_CREDENTIAL');
  await until(async () => {
    for (const gateway of gateways) expect(await present(gateway, token)).toBe('REVOKED_CREDENTIAL');
    return true;
  });
  return performance.now() - startedAt;
}

async function expectEveryKindInForce(env: Record<string, string>): Promise<void> {
  const gateways = await startPair(env);
  // A token of a login needs the row of its consumer.
  const { json } = await ask(gateways[0], 'POST', '/admin/consumers', { name: 'alice' });
  const sub = json['id'];
  const one = forge(claims({ sub, jti: 'j1', sid: 'f1' }));
  const sister = forge(claims({ sub, jti: 'j2', sid: 'f1' }));
  const other = forge(claims({ sub, jti: 'j3', sid: 'f2' }));
  const all = [one, sister, other];
  for (const gateway of gateways) for (const token of all) expect(await present(gateway, token)).toBe('ok');

  expect(await timeRevocation(gateways, one, { jti: 'j1' })).toBeLessThan(IN_FORCE_MS);
  for (const gateway of gateways) expect(await present(gateway, sister)).toBe('ok');
  expect(await timeRevocation(gateways, sister, { family: 'f1' })).toBeLessThan(IN_FORCE_MS);
  for (const gateway of gateways) expect(await present(gateway, other)).toBe('ok');
  expect(await timeRevocation(gateways, other, { consumer: sub })).toBeLessThan(IN_FORCE_MS);
}

describeOnBothDatabases('A revocation', (maker) => {
  test('by jti, by login and by consumer is in force on every gateway within 2 s, and on nothing else', async () => {
    await expectEveryKindInForce({ DATABASE_URL: await maker.makeAddress() });
  });

  test('outlives the gateway it was made at, and holds for tokens no other has seen', async () => {
    const [here, there] = await startPair({ DATABASE_URL: await maker.makeAddress() });
    const token = forge(claims({ jti: 'j1' }));
    await ask(here, 'POST', '/admin/tokens/revoke', { jti: 'j1' });
    await here.close();
    open.splice(0, 1);
    expect(await present(there, token)).toBe('REVOKED_CREDENTIAL');
  });

  test('of a consumer spares the tokens it is given afterwards', async () => {
    const [here, there] = await startPair({ DATABASE_URL: await maker.makeAddress() });
    const { issuer } = here.deps.tokens;
    const before = await issuer.issueAccess({ consumer: { id: 'alice' } });
    await timeRevocation([here, there], before.token, { consumer: 'alice' });
    const after = await issuer.issueAccess({ consumer: { id: 'alice' } });
    for (const gateway of [here, there]) {
      expect(await present(gateway, after.token)).toBe('ok');
      expect(await present(gateway, before.token)).toBe('REVOKED_CREDENTIAL');
    }
  });

  test('is on record, and is forgotten when the tokens it refuses have expired', async () => {
    const [here] = await startPair({ DATABASE_URL: await maker.makeAddress() });
    const expires_at = new Date(Date.now() + 1500).toISOString();
    await ask(here, 'POST', '/admin/tokens/revoke', { jti: 'short', expires_at });
    const { json } = await ask(here, 'GET', '/admin/audit?action=token.revoke');
    expect(JSON.stringify(json)).toContain('jti:short');
    expect(await present(here, forge(claims({ jti: 'short' })))).toBe('REVOKED_CREDENTIAL');
    await until(() => Date.now() > Date.parse(expires_at));
    expect(await present(here, forge(claims({ jti: 'short', n: 1 })))).toBe('ok');
  });

  test('is not needed for a disabled consumer: its tokens are refused everywhere within 2 s, and stay so when it is back', async () => {
    const [here, there] = await startPair({ DATABASE_URL: await maker.makeAddress() });
    const { json } = await ask(here, 'POST', '/admin/consumers', { name: 'bob', permissions: ['chat:*'] });
    const tokens = [forge(claims({ sub: json['id'] })), forge(claims({ sub: 'bob' }))];
    for (const token of tokens) expect([await present(here, token), await present(there, token)]).toEqual(['ok', 'ok']);
    await ask(here, 'DELETE', `/admin/consumers/${json['id']}`);
    const everywhere = (answer: string) => async () => {
      for (const gateway of [here, there])
        for (const token of tokens) expect(await present(gateway, token)).toBe(answer);
      return true;
    };
    await until(everywhere('REVOKED_CREDENTIAL'), { timeoutMs: IN_FORCE_MS });
    await ask(here, 'PATCH', `/admin/consumers/${json['id']}`, { status: 'active' });
    const fresh = await here.deps.tokens.issuer.issueAccess({ consumer: { id: String(json['id']) } });
    await until(async () => (await present(there, fresh.token)) === 'ok', { timeoutMs: IN_FORCE_MS });
    await everywhere('REVOKED_CREDENTIAL')();
  });
});

describeWithRedis('A revocation with Redis', (redis) => {
  test('by jti, by login and by consumer is in force on every gateway within 2 s', async () => {
    const folderless = await startTestGateway(CONFIG, { env: { SECRET_KEY: SECRET } });
    open.push(folderless);
    const DATABASE_URL = folderless.loaded.env.databaseUrl.reveal();
    await expectEveryKindInForce({ DATABASE_URL, REDIS_URL: redis().url });
  });
});

describe('A token', () => {
  test('of a consumer in the file has its rights there, and none when it is parked', async () => {
    const [here] = await startPair({});
    expect(await present(here, forge(claims({ sub: 'filed' })))).toBe('ok');
    expect(await present(here, forge(claims({ sub: 'parked' })))).toBe('REVOKED_CREDENTIAL');
  });

  test('that is known goes on while the database is down, and an unknown one gets 503 and not 401', async () => {
    const [here] = await startPair({});
    const known = forge(claims({ jti: 'known' }));
    expect(await present(here, known)).toBe('ok');
    await here.deps.database.close();
    expect(await present(here, known)).toBe('ok');
    expect(await present(here, forge(claims({ jti: 'new' })))).toBe('STORE_UNAVAILABLE');
  });

  test('that is known is refused from the moment it expires', async () => {
    const [here] = await startPair({});
    const token = forge(claims({ exp: seconds(2) }));
    expect(await present(here, token)).toBe('ok');
    await until(async () => (await present(here, token)) === 'EXPIRED_CREDENTIAL');
  });

  test('is refused from the moment its secret is exchanged', async () => {
    const [here] = await startPair({});
    const token = forge(claims());
    expect(await present(here, token)).toBe('ok');
    const { auth, tiers, consumers } = here.loaded.config;
    const { Secret } = await import('../../src/lib/secret.ts');
    const own = { ...auth.jwt.own, secret: new Secret(`another ${SECRET}`) };
    here.deps.tokens.configure({ tiers, consumers, auth: { jwt: { ...auth.jwt, own } } });
    expect(await present(here, token)).toBe('INVALID_CREDENTIAL');
  });
});
