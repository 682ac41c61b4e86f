// Every door keeps a record of who failed at it, and a flood at one of them closes it to nobody else.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { ANYBODY_ACTOR } from '../../src/identity/audit/audit-context.ts';
import { asAdmin } from '../support/api-client.ts';
import {
  makeGateways,
  MASTER_KEY,
  QUICK_SHUTDOWN,
  startTestGateway,
  type TestGateway,
} from '../support/start-gateway.ts';
import { claims, forge, SECRET } from '../support/token-forge.ts';

const PASSWORD = 'password-of-the-tests';
const config = (settings = '') => `
settings: { ${QUICK_SHUTDOWN}, trust_proxy: [loopback], accounts: { signup: open }${settings} }
routes: [{ name: guarded, match: { path: /guarded }, auth: {}, respond: { body: in } }]
`;

describe('A door', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(config(), { env: { SECRET_KEY: SECRET, MASTER_KEY } });
  });
  afterAll(() => gateway.close());

  test('logs a failure with address, code and agent, and counts it', async () => {
    const from = (path: string, method: 'get' | 'post' = 'get') =>
      request(gateway.url)[method](path).set('X-Forwarded-For', '203.0.113.7').set('User-Agent', 'guesser/1.2');
    await from('/admin/keys').set('X-Master-Key', 'a guess');
    await from('/v1/auth/login', 'post').send({ email: 'ada@example.com', password: PASSWORD });
    await from('/v1/auth/refresh', 'post').send({ refresh_token: 'nonsense' });
    await from('/v1/auth/signup', 'post').send({ email: 'no address', password: PASSWORD });
    await from('/guarded').set('Authorization', `Bearer ${forge(claims(), {}, 'another secret of another gateway')}`);
    await from('/guarded').set('X-API-Key', 'sk-guess');
    const lines = gateway.logged.filter(({ msg }) => msg === 'request');
    expect(
      lines.map(({ path, status, client_ip, error_code, user_agent }) => [
        path,
        status,
        client_ip,
        error_code,
        user_agent,
      ]),
    ).toEqual(
      [
        ['/admin/keys', 401, 'INVALID_CREDENTIAL'],
        ['/v1/auth/login', 401, 'INVALID_CREDENTIAL'],
        ['/v1/auth/refresh', 401, 'INVALID_CREDENTIAL'],
        ['/v1/auth/signup', 400, 'VALIDATION_ERROR'],
        ['/guarded', 401, 'INVALID_CREDENTIAL'],
        ['/guarded', 401, 'INVALID_CREDENTIAL'],
      ].map(([path, status, code]) => [path, status, '203.0.113.7', code, 'guesser/1.2']),
    );
    const metrics = await gateway.metrics();
    for (const door of ['master_key', 'login', 'refresh', 'sign_up', 'token', 'api_key'])
      expect(metrics).toContain(`gateway_failed_credentials_total{door="${door}"} 1`);
  });

  test('says who came in as well', async () => {
    await request(gateway.url).get('/v1/auth/me').set('X-API-Key', 'sk_test_key_of_the_tests');
    expect(gateway.logged.at(-1)).toMatchObject({ path: '/v1/auth/me', consumer: 'dev_user', client_ip: '127.0.0.1' });
  });

  test('of sign-up stays open after a thousand invalid ones', async () => {
    const { signUps } = gateway.deps.identity;
    const by = (address: string) => ({ actor: ANYBODY_ACTOR, address, requestId: undefined });
    for (let i = 0; i < 1500; i++) {
      const wrong = i % 2 === 0 ? { email: 'a b@c', password: PASSWORD } : { email: 'a@b.example', password: 'short' };
      await expect(signUps.signUp(wrong, by(`2001:db8:${i % 10}::1`))).rejects.toThrow();
    }
    const honest = await signUps.signUp({ email: 'honest@example.com', password: PASSWORD }, by('2001:db8:1::2'));
    expect(honest.email).toBe('honest@example.com');
  });

  test('of login serves whoever is known and whoever comes from elsewhere during a flood', async () => {
    const { logins, users } = gateway.deps.identity;
    const ada = { email: 'ada@example.org', password: PASSWORD };
    await users.create(ada, { actor: 'test', address: undefined, requestId: undefined });
    const from = { ...ada, address: '2001:db8:a:1::1' };
    await logins.logIn(from);
    const flood = Array.from({ length: 140 }, (_, i) =>
      logins
        .logIn({ email: `${i}@example.org`, password: PASSWORD, address: `2001:db8:a:${i.toString(16)}::9` })
        .catch(
          (error: { readonly code?: string; readonly rejection: { readonly code: string } }) => error.rejection.code,
        ),
    );
    const begunAt = performance.now();
    const honest = await Promise.all([logins.logIn(from), logins.logIn({ ...ada, address: '198.51.100.1' })]);
    expect(honest.map(({ email }) => email)).toEqual([ada.email, ada.email]);
    expect(performance.now() - begunAt).toBeLessThan(5000);
    const answers = await Promise.all(flood);
    // Sixteen places at a time; a place that is given back meanwhile serves one more.
    expect(answers.filter((code) => code === 'INVALID_CREDENTIAL').length).toBeLessThanOrEqual(24);
    expect(answers.filter((code) => code === 'OVERLOADED').length).toBeGreaterThanOrEqual(116);
  });
});

describe('Metrics and administration', () => {
  const start = makeGateways();
  const metrics = (url: string) => request(url).get('/metrics');

  test('are read on this machine, not through a proxy, unless with the master key or at a development start', async () => {
    const { url } = await start(config());
    expect((await metrics(url)).status).toBe(200);
    for (const [name, value] of [
      ['X-Forwarded-For', '203.0.113.7'],
      ['Forwarded', 'for=1.2.3.4'],
      ['Via', '1.1 x'],
    ] as const) {
      const refused = await metrics(url).set(name, value);
      expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
      expect((await metrics(url).set(name, value).set('X-Master-Key', MASTER_KEY)).status).toBe(200);
      expect((await metrics(url).set(name, value).set('X-Master-Key', 'wrong')).status).toBe(401);
    }
    const dev = await start(config(), { dev: true, env: {} });
    expect((await metrics(dev.url).set('X-Forwarded-For', '203.0.113.7')).status).toBe(200);
    const open = await start(config(', admin: { metrics_access: open }'));
    expect((await metrics(open.url).set('X-Forwarded-For', '203.0.113.7')).status).toBe(200);
  });

  test('ask for an address that settings.admin.ip lets in, before any key', async () => {
    const { url } = await start(config(', admin: { ip: { allow: [10.0.0.0/8] } }'));
    const refused = await asAdmin(url)('get', '/admin/keys');
    expect([refused.status, refused.body.code]).toEqual([403, 'IP_NOT_ALLOWED']);
    expect(refused.body.detail).toContain('127.0.0.1');
    expect((await asAdmin(url)('get', '/admin/keys').set('X-Forwarded-For', '10.1.1.1')).status).toBe(200);
    expect((await request(url).get('/health')).status).toBe(200);
  });
});

test('what is stored in files is for this user alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-private-'));
  const data = join(folder, 'data', 'deep');
  const before = process.umask(0);
  try {
    const gateway = await startTestGateway(config(), { env: { DATABASE_URL: `sqlite:${join(data, 'gw.db')}` } });
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(['', '-wal', '-shm'].map((suffix) => modeOf(join(data, `gw.db${suffix}`)))).toEqual(['600', '600', '600']);
    expect(modeOf(data)).toBe('700');
    await gateway.close();
  } finally {
    process.umask(before);
    rmSync(folder, { recursive: true, force: true });
  }
});
