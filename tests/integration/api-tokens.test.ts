import { describe, expect, test } from '@jest/globals';
import { asAdmin, expectDeclared } from '../support/api-client.ts';
import { makeGateways, MASTER_KEY, type TestGateway } from '../support/start-gateway.ts';
import { forge, claims, SECRET, seconds } from '../support/token-forge.ts';

const CONFIG = `
settings: { listen: { host: 127.0.0.1, port: 0 }, shutdown: { grace: 0s, drain: 200ms, flush: 2s } }
routes:
  - { name: guarded, match: { path: /guarded }, auth: {}, respond: { body: inside } }
  - { name: keys, match: { path: /keys }, auth: { modes: [api_key] }, respond: { body: inside } }
  - { name: tokens, match: { path: /tokens }, auth: { modes: [jwt] }, respond: { body: inside } }
`;
const WITHOUT_JWT = CONFIG.replace('modes: [jwt]', 'modes: [api_key]');
const ENV = { MASTER_KEY, SECRET_KEY: SECRET };
const DOCUMENT = { username: 'advisor@wealth.com', lob: 'wealth', models: ['gpt-4', 'llama'], rate_limit: 100 };

const payloadOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString());

async function present({ url }: TestGateway, path: string, headers: Record<string, string>) {
  const res = await fetch(url + path, { headers });
  const text = await res.text();
  return { status: res.status, ...(res.status === 200 ? {} : (JSON.parse(text) as { code: string; detail: string })) };
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

describe('POST /auth/token', () => {
  const start = makeGateways();

  test('gives the holder of the master key a token that says what was asked for', async () => {
    const gateway = await start(CONFIG, { env: ENV });
    const res = await asAdmin(gateway.url)('post', '/auth/token', { ...DOCUMENT, permissions: ['read:portfolio'] });
    expectDeclared('POST', '/auth/token', res);
    expect(res.body).toMatchObject({ token_type: 'bearer', expires_in: 1800 });
    const said = payloadOf(res.body.access_token);
    expect(said).toMatchObject({
      sub: 'advisor@wealth.com',
      lob: 'wealth',
      models: ['gpt-4', 'llama'],
      rate_limit: 100,
    });
    expect(said).toMatchObject({ permissions: ['read:portfolio'], iss: 'turnpike', aud: 'turnpike', typ: 'access' });
    expect(said.exp - Math.floor(said.iat)).toBe(1800);
    expect(said.jti).toMatch(/^[0-9a-f-]{36}$/);
    expect(await present(gateway, '/guarded', bearer(res.body.access_token))).toEqual({ status: 200 });
  });

  test('gives nobody else one, also under --dev or DEBUG alone', async () => {
    for (const [env, dev] of [
      [ENV, false],
      [{ ...ENV, DEBUG: 'true' }, false],
      [ENV, true],
    ] as const) {
      const { url } = await start(CONFIG, { env, dev });
      const res = await fetch(`${url}/auth/token`, { method: 'POST', body: JSON.stringify(DOCUMENT) });
      expect(res.status).toBe(401);
    }
  });

  test('gives one to everybody under --dev with DEBUG=true, signed with a secret of this start', async () => {
    const gateway = await start(CONFIG, { env: { DEBUG: 'true' }, dev: true });
    const headers = { 'Content-Type': 'application/json' };
    const res = await fetch(`${gateway.url}/auth/token`, { method: 'POST', headers, body: JSON.stringify(DOCUMENT) });
    const { access_token } = (await res.json()) as { access_token: string };
    expect(await present(gateway, '/guarded', bearer(access_token))).toEqual({ status: 200 });
    const another = await start(CONFIG, { env: { DEBUG: 'true' }, dev: true });
    expect(await present(another, '/guarded', bearer(access_token))).toMatchObject({ code: 'INVALID_CREDENTIAL' });
  });

  test('narrows what a stored consumer may do and never widens it', async () => {
    const gateway = await start(CONFIG, { env: ENV });
    const ask = asAdmin(gateway.url);
    await ask('post', '/admin/consumers', { name: 'bob', tier: 'free', permissions: ['chat:*'] });
    const { body } = await ask('post', '/auth/token', { username: 'bob', permissions: ['*', 'admin:write'] });
    const found = await gateway.deps.tokens.directory.find(body.access_token, '192.0.2.1');
    expect(found).toMatchObject({ principal: { permissions: ['chat:*'], consumer: { name: 'bob', tier: 'free' } } });
  });

  test('answers 503 and says why when there is no secret, and 400 to fields it does not know', async () => {
    const off = await asAdmin((await start(WITHOUT_JWT)).url)('post', '/auth/token', DOCUMENT);
    expect(off.status).toBe(503);
    expect(off.body.detail).toContain('SECRET_KEY');
    const ask = asAdmin((await start(CONFIG, { env: ENV })).url);
    for (const body of [
      { ...DOCUMENT, sub: 'root' },
      { lob: 'wealth' },
      { ...DOCUMENT, rate_limit: '100' },
      { ...DOCUMENT, username: 'a\nb' },
    ])
      expect((await ask('post', '/auth/token', body)).status).toBe(400);
  });
});

describe('POST /admin/tokens/revoke', () => {
  const start = makeGateways();

  test('asks for the master key, and for exactly one subject', async () => {
    const { url } = await start(CONFIG, { env: ENV });
    expect((await fetch(`${url}/admin/tokens/revoke`, { method: 'POST' })).status).toBe(401);
    const ask = asAdmin(url);
    const res = await ask('post', '/admin/tokens/revoke', { jti: 'j1' });
    expectDeclared('POST', '/admin/tokens/revoke', res);
    expect(res.body).toMatchObject({ kind: 'jti', subject: 'j1' });
    for (const body of [{}, { jti: 'a', family: 'b' }, { jti: '' }, { consumer: 'a', expires_at: '2020-01-01' }])
      expect((await ask('post', '/admin/tokens/revoke', body)).status).toBe(400);
  });
});

describe('A route', () => {
  const start = makeGateways();

  test('without modes takes keys and tokens, each told by its shape, and exactly one way is tried', async () => {
    const gateway = await start(CONFIG, { env: { ...ENV, TEST_API_KEY: 'sk-some-key-of-the-tests' } });
    const token = forge(claims());
    expect(await present(gateway, '/guarded', bearer(token))).toEqual({ status: 200 });
    expect(await present(gateway, '/guarded', bearer('sk-some-key-of-the-tests'))).toEqual({ status: 200 });
    const both = { ...bearer(token), 'X-API-Key': 'wrong' };
    expect(await present(gateway, '/guarded', both)).toEqual({ status: 200 });
    const forged = bearer(forge(claims(), {}, 'guess'));
    expect(await present(gateway, '/guarded', forged)).toMatchObject({
      detail: 'The token is not valid: its signature does not verify.',
    });
  });

  test('with one mode refuses the other', async () => {
    const gateway = await start(CONFIG, { env: { ...ENV, TEST_API_KEY: 'sk-some-key-of-the-tests' } });
    expect(await present(gateway, '/keys', bearer(forge(claims())))).toMatchObject({ code: 'INVALID_CREDENTIAL' });
    expect(await present(gateway, '/tokens', bearer('sk-some-key-of-the-tests'))).toMatchObject({
      code: 'INVALID_CREDENTIAL',
    });
    expect(await present(gateway, '/tokens', { 'X-API-Key': 'sk-some-key-of-the-tests' })).toMatchObject({
      code: 'MISSING_CREDENTIAL',
      detail: 'Send a token as Authorization: Bearer.',
    });
  });

  test('answers 429 to forged tokens past the limit of an address, while a genuine one always passes', async () => {
    const strict = CONFIG.replace('settings: {', 'settings: { failed_auth: { limit: 3 },');
    const gateway = await start(strict, { env: ENV });
    const answers: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { code = '' } = (await present(gateway, '/tokens', bearer(forge(claims({ i }), {}, 'guess')))) as {
        code?: string;
      };
      answers.push(code);
    }
    const [refused, limited] = ['INVALID_CREDENTIAL', 'RATE_LIMIT_EXCEEDED'];
    expect(answers).toEqual([refused, refused, refused, limited, limited]);
    expect(await present(gateway, '/tokens', bearer(forge(claims({ exp: seconds(60) }))))).toEqual({ status: 200 });
  });
});
