import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, test } from '@jest/globals';
import request, { type Response } from 'supertest';
import { expectDeclared } from '../support/api-client.ts';
import { makeGateways, MASTER_KEY } from '../support/start-gateway.ts';

const start = makeGateways();
const SECRET_KEY = 'x9Q2r7Lk0Zb5Tn8Vw3Yc6Md1Hs4Jf7Gp';
const ENV = { env: { MASTER_KEY, SECRET_KEY } };
const ADA = { email: 'ada@example.com', password: 'password123' };

const configWith = (accounts: string, more = '') => `
settings:
  listen: { host: 127.0.0.1, port: 0 }
  shutdown: { grace: 0s, drain: 1s, flush: 1s }
  accounts: ${accounts}
tiers:
  free: { rate_limit: { limits: [{ limit: 10, window: 1m, algorithm: token_bucket }] } }
${more}`;

const OPEN = configWith('{ signup: open, default_tier: free }');

async function openAccounts(config = OPEN) {
  const gateway = await start(config, ENV);
  const { url } = gateway;
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    request(url).post(path).set(headers).send(body);
  const logIn = async (credentials = ADA): Promise<{ access_token: string; refresh_token: string }> =>
    (await post('/v1/auth/login', credentials)).body;
  const as = (token: string) => ({ Authorization: `Bearer ${token}` });
  return { ...gateway, post, logIn, as };
}

const lengthOf = (res: Response) => res.headers['content-length'];

describe('sign-up', () => {
  test('is off unless the configuration opens it, and says so whatever is sent', async () => {
    const { post } = await openAccounts(configWith('{}'));
    for (const body of [ADA, {}]) {
      const res = await post('/v1/auth/signup', body);
      expect([res.status, res.body.code]).toEqual([403, 'FORBIDDEN']);
      expect(res.body.detail).toContain('settings.accounts.signup');
    }
  });

  test('asks for the master key when it is so configured', async () => {
    const { post } = await openAccounts(configWith('{ signup: master_key }'));
    expect((await post('/v1/auth/signup', ADA)).status).toBe(401);
    expect((await post('/v1/auth/signup', ADA, { 'X-Master-Key': MASTER_KEY })).status).toBe(201);
  });

  test.each(['/v1/auth/signup', '/v1/auth/register', '/api/v1/auth/signup', '/api/v1/auth/register'])(
    'at %s gives id, address and tier, and 409 for a known address however it is written',
    async (path) => {
      const { post } = await openAccounts();
      const res = await post(path, { ...ADA, email: 'Ada@Example.com' });
      expect(res.status).toBe(201);
      expectDeclared('POST', '/v1/auth/signup', res);
      expect(res.body).toEqual({ id: expect.stringMatching(/^usr_/), email: 'ada@example.com', tier: 'free' });
      const again = await post(path, ADA);
      expect([again.status, again.body.code]).toEqual([409, 'CONFLICT']);
    },
  );

  test('makes one account of ten requests at the same moment', async () => {
    const { post } = await openAccounts();
    const all = await Promise.all(Array.from({ length: 10 }, () => post('/v1/auth/signup', ADA)));
    expect(all.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, ...Array(9).fill(409)]);
  });

  test.each([
    [{ ...ADA, tier: 'enterprise' }, 'tier: unknown key'],
    [{ ...ADA, role: 'admin' }, 'role: unknown key'],
    [{ ...ADA, permissions: ['*'] }, 'permissions: unknown key'],
    [{ ...ADA, constructor: {} }, 'constructor: unknown key'],
    [{ ...ADA, password: 'short' }, 'password: must have at least 8 characters'],
    [{ ...ADA, password: 'x'.repeat(129) }, 'password: must'],
    [{ ...ADA, password: { $ne: '' } }, 'password: must be text'],
    [{ ...ADA, password: ['password123'] }, 'password: must be text'],
    [{ ...ADA, email: 'nobody' }, 'email: must be'],
    [{ ...ADA, email: { $gt: '' } }, 'email: must be text'],
  ])('refuses %j with 400, and repeats no password', async (body, mistake) => {
    const { post } = await openAccounts();
    const res = await post('/v1/auth/signup', body);
    expect([res.status, res.body.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(res.body.detail).toContain(mistake);
    expect(JSON.stringify(res.body)).not.toContain(ADA.password);
  });
});

describe('login', () => {
  test.each(['/v1/auth/login', '/api/v1/auth/login'])('at %s gives a bearer token that is accepted', async (path) => {
    const { post, as, url } = await openAccounts();
    await post('/v1/auth/signup', ADA);
    const res = await post(path, ADA);
    expect(res.status).toBe(200);
    expectDeclared('POST', '/v1/auth/login', res);
    expect(res.body).toMatchObject({ token_type: 'bearer', expires_in: 1800 });
    expect(res.headers['cache-control']).toBe('no-store');
    expect((await request(url).get('/v1/auth/me').set(as(res.body.access_token))).status).toBe(200);
  });

  test('fails for unknown, wrong and disabled with the same status, text and length', async () => {
    const { post, deps } = await openAccounts();
    const { id } = (await post('/v1/auth/signup', { ...ADA, email: 'bob@example.com' })).body;
    await post('/v1/auth/signup', ADA);
    await deps.identity.consumers.patch(id, { status: 'disabled' }, { actor: 'test', address: '', requestId: '' });
    const tries = [
      { ...ADA, email: 'eve@example.com' },
      { ...ADA, password: 'password124' },
      { ...ADA, email: 'bob@example.com' },
    ];
    const [unknown, ...others] = (await Promise.all(tries.map((body) => post('/v1/auth/login', body)))) as [
      Response,
      ...Response[],
    ];
    expect([unknown.status, unknown.body.code]).toEqual([401, 'INVALID_CREDENTIAL']);
    for (const other of others) {
      expect([other.status, lengthOf(other)]).toEqual([unknown.status, lengthOf(unknown)]);
      expect({ ...other.body, request_id: '' }).toEqual({ ...unknown.body, request_id: '' });
    }
  });

  test('refuses more than 1 KiB of password with 400', async () => {
    const { post } = await openAccounts();
    for (const password of ['x'.repeat(1025), 'é'.repeat(600)])
      expect((await post('/v1/auth/login', { ...ADA, password })).status).toBe(400);
  });

  test('is 429 with a wait after ten failures, and still open to the owner from another address', async () => {
    const config = OPEN.replace('  accounts:', '  trust_proxy: [loopback]\n  accounts:');
    const { post } = await openAccounts(config);
    await post('/v1/auth/signup', ADA);
    const wrong = { ...ADA, password: 'password124' };
    const from = (address: string) => ({ 'X-Forwarded-For': `6.6.6.6, ${address}` });
    for (let i = 0; i < 10; i++) expect((await post('/v1/auth/login', wrong, from('192.0.2.1'))).status).toBe(401);
    const throttled = await post('/v1/auth/login', ADA, from('192.0.2.1'));
    expect([throttled.status, throttled.body.code]).toEqual([429, 'RATE_LIMIT_EXCEEDED']);
    expect(Number(throttled.headers['retry-after'])).toBeGreaterThan(0);
    expect((await post('/v1/auth/login', ADA, from('192.0.2.2'))).status).toBe(200);
  });

  test('cannot be unthrottled by an X-Forwarded-For that nobody vouches for', async () => {
    const { post } = await openAccounts();
    await post('/v1/auth/signup', ADA);
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) {
      const forged = { 'X-Forwarded-For': `192.0.2.${i}` };
      statuses.push((await post('/v1/auth/login', { ...ADA, password: 'password124' }, forged)).status);
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429]);
  });

  test('is 503 with the reason while no secret signs tokens', async () => {
    const { url } = await start(OPEN);
    await request(url).post('/v1/auth/signup').send(ADA);
    const res = await request(url).post('/v1/auth/login').send(ADA);
    expect([res.status, res.body.code]).toEqual([503, 'STORE_UNAVAILABLE']);
    expect(res.body.detail).toContain('SECRET_KEY');
  });
});

describe('refresh and logout', () => {
  test('refresh gives a new pair, once', async () => {
    const { post, logIn } = await openAccounts();
    await post('/v1/auth/signup', ADA);
    const { refresh_token } = await logIn();
    const res = await post('/api/v1/auth/refresh', { refresh_token });
    expect(res.status).toBe(200);
    expectDeclared('POST', '/v1/auth/refresh', res);
    const replay = await post('/v1/auth/refresh', { refresh_token });
    expect([replay.status, replay.body.code]).toEqual([401, 'REVOKED_CREDENTIAL']);
    const successor = await post('/v1/auth/refresh', { refresh_token: res.body.refresh_token });
    expect(successor.status).toBe(401);
  });

  test('a refresh token is no access token, and an access token no refresh token', async () => {
    const { post, logIn, as, url } = await openAccounts();
    await post('/v1/auth/signup', ADA);
    const { access_token, refresh_token } = await logIn();
    expect((await request(url).get('/v1/auth/me').set(as(refresh_token))).status).toBe(401);
    expect((await post('/v1/auth/refresh', { refresh_token: access_token.slice(0, 200) })).status).toBe(401);
  });

  test.each(['/v1/auth/logout', '/api/v1/auth/logout'])(
    'logout at %s ends both tokens of this login only',
    async (path) => {
      const { post, logIn, as, url } = await openAccounts();
      await post('/v1/auth/signup', ADA);
      const [here, there] = [await logIn(), await logIn()];
      const res = await post(path, {}, as(here.access_token));
      expect(res.status).toBe(200);
      expectDeclared('POST', '/v1/auth/logout', res);
      const me = await request(url).get('/v1/auth/me').set(as(here.access_token));
      expect([me.status, me.body.code]).toEqual([401, 'REVOKED_CREDENTIAL']);
      expect((await post('/v1/auth/refresh', { refresh_token: here.refresh_token })).status).toBe(401);
      expect((await request(url).get('/v1/auth/me').set(as(there.access_token))).status).toBe(200);
      expect((await post('/v1/auth/refresh', { refresh_token: there.refresh_token })).status).toBe(200);
    },
  );

  test('logout without a token is 401', async () => {
    const { post } = await openAccounts();
    expect((await post('/v1/auth/logout', {})).body.code).toBe('MISSING_CREDENTIAL');
  });
});

describe('me', () => {
  test('shows who calls with a token and with a key, and counts against the limit of the tier', async () => {
    const { post, logIn, as, url } = await openAccounts();
    const { id } = (await post('/v1/auth/signup', ADA)).body;
    const { access_token } = await logIn();
    const { api_key } = (await post('/v1/auth/api-keys', { name: 'ci' }, as(access_token))).body;
    const me = (headers: Record<string, string>) => request(url).get('/v1/auth/me').set(headers);
    const byToken = await me(as(access_token));
    expectDeclared('GET', '/v1/auth/me', byToken);
    expect(byToken.body).toMatchObject({ id, email: ADA.email, tier: 'free', permissions: [] });
    expect(byToken.headers).toMatchObject({ 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '9' });
    expect((await me(as(api_key))).body).toMatchObject({ id, credential: { kind: 'api_key' } });
    expect((await me({ 'X-API-Key': api_key })).headers['x-ratelimit-remaining']).toBe('7');
    for (let i = 0; i < 7; i++) expect((await request(url).get('/api/v1/auth/me').set(as(api_key))).status).toBe(200);
    const refused = await me(as(access_token));
    expect([refused.status, refused.body.code]).toEqual([429, 'RATE_LIMIT_EXCEEDED']);
    expect(refused.headers['retry-after']).toBeDefined();
  });

  test('is 401 with a challenge for nobody', async () => {
    const { url } = await openAccounts();
    const res = await request(url).get('/v1/auth/me');
    expect([res.status, res.body.code]).toEqual([401, 'MISSING_CREDENTIAL']);
    expect(res.headers['www-authenticate']).toContain('Bearer');
  });
});

test('a hundred logins at the same moment do not stall other requests: each is 200, or 503 with a wait', async () => {
  const { post, url } = await openAccounts();
  await post('/v1/auth/signup', ADA);
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  let isDone = false;
  const logins = Promise.all(Array.from({ length: 100 }, () => post('/v1/auth/login', ADA))).finally(() => {
    isDone = true;
  });
  let slowest = 0;
  while (!isDone) {
    const begunAt = performance.now();
    await request(url).get('/health');
    slowest = Math.max(slowest, performance.now() - begunAt);
  }
  delays.disable();
  const results = (await logins).map(({ status, headers }) => [status, headers['retry-after']]);
  expect(results).toContainEqual([200, undefined]);
  for (const result of results)
    expect([
      [200, undefined],
      [503, '1'],
    ]).toContainEqual(result);
  // One hash alone takes about 30 ms: a hundred on the loop would hold it for three seconds.
  expect(delays.max / 1e6).toBeLessThan(1_500);
  expect(slowest).toBeLessThan(2_000);
});
