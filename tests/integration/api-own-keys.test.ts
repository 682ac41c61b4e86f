import { expect, test } from '@jest/globals';
import request from 'supertest';
import { GATEWAY_CONTEXT } from '../../src/identity/audit/audit-context.ts';
import { asAdmin, expectDeclared } from '../support/api-client.ts';
import { makeGateways, MASTER_KEY } from '../support/start-gateway.ts';

const start = makeGateways();
const SECRET_KEY = 'x9Q2r7Lk0Zb5Tn8Vw3Yc6Md1Hs4Jf7Gp';
const CONFIG = `
settings:
  listen: { host: 127.0.0.1, port: 0 }
  shutdown: { grace: 0s, drain: 1s, flush: 1s }
  accounts: { signup: open, default_permissions: ['*'] }
`;

type Method = 'get' | 'post' | 'delete';

/** A gateway with a way to sign up and to ask as whoever has. */
async function openGateway() {
  const gateway = await start(CONFIG, { env: { MASTER_KEY, SECRET_KEY } });
  const { url, deps } = gateway;
  const asBearer = (token: string) => (method: Method, path: string, body?: object) => {
    const asked = request(url)[method](path).set('Authorization', `Bearer ${token}`);
    return body ? asked.send(body) : asked;
  };
  const signUp = async (email: string) => {
    const credentials = { email, password: 'password123' };
    const { id } = (await request(url).post('/v1/auth/signup').send(credentials)).body;
    const { access_token } = (await request(url).post('/v1/auth/login').send(credentials)).body;
    return { id: id as string, ask: asBearer(access_token) };
  };
  /** A token that may do less than its consumer. */
  const narrowed = async (id: string, claims: { permissions?: string[]; models?: string[] }) =>
    asBearer((await deps.identity.tokens.issuer.issueAccess({ consumer: { id }, ...claims })).token);
  return { ...gateway, asBearer, signUp, narrowed };
}

test('a key of one’s own is shown once, works, and is listed without its secret', async () => {
  const { signUp, asBearer } = await openGateway();
  const { id, ask } = await signUp('ada@example.com');
  const wanted = { name: 'ci', env: 'test', scopes: ['chat:*'], expires_at: '2099-01-01' };
  const issued = await ask('post', '/v1/auth/api-keys', wanted);
  expect(issued.status).toBe(201);
  expectDeclared('POST', '/v1/auth/api-keys', issued);
  expect(issued.body).toMatchObject({ name: 'ci', scopes: ['chat:*'], expires_at: '2099-01-01T00:00:00.000Z' });
  expect(issued.body.api_key).toMatch(new RegExp(`^${issued.body.prefix}`));
  const me = await asBearer(issued.body.api_key)('get', '/v1/auth/me');
  expect(me.body).toMatchObject({ id, permissions: ['chat:*'] });
  const list = await ask('get', '/api/v1/auth/api-keys');
  expectDeclared('GET', '/v1/auth/api-keys', list);
  expect(list.body.items).toMatchObject([{ id: issued.body.id, name: 'ci', owner: { id } }]);
  expect(JSON.stringify(list.body)).not.toContain(issued.body.api_key.slice(16));
});

test('a rotated key works on for its grace beside its successor, and a revoked one does not', async () => {
  const { signUp, asBearer } = await openGateway();
  const { ask } = await signUp('ada@example.com');
  const old = (await ask('post', '/v1/auth/api-keys', {})).body;
  const next = await ask('post', `/v1/auth/api-keys/${old.id}/rotate`, { grace: '1h' });
  expect(next.status).toBe(201);
  expectDeclared('POST', '/v1/auth/api-keys/:id/rotate', next);
  const statusOf = async (key: string) => (await asBearer(key)('get', '/v1/auth/me')).status;
  expect([await statusOf(old.api_key), await statusOf(next.body.api_key)]).toEqual([200, 200]);
  const revoked = await ask('delete', `/api/v1/auth/api-keys/${next.body.id}`);
  expectDeclared('DELETE', '/v1/auth/api-keys/:id', revoked);
  expect([await statusOf(old.api_key), await statusOf(next.body.api_key)]).toEqual([200, 401]);
});

test('the keys of somebody else are 404 like keys that do not exist, and are not listed', async () => {
  const { signUp } = await openGateway();
  const ada = await signUp('ada@example.com');
  const eve = await signUp('eve@example.com');
  const { id } = (await ada.ask('post', '/v1/auth/api-keys', {})).body;
  const attempts: [Method, (key: string) => string][] = [
    ['delete', (key) => `/v1/auth/api-keys/${key}`],
    ['post', (key) => `/v1/auth/api-keys/${key}/rotate`],
  ];
  for (const [method, path] of attempts) {
    const [theirs, nobodys] = [await eve.ask(method, path(id)), await eve.ask(method, path('nope'))];
    expect([theirs.status, theirs.body.detail]).toEqual([404, nobodys.body.detail]);
  }
  expect((await eve.ask('get', '/v1/auth/api-keys')).body.items).toEqual([]);
  expect((await ada.ask('get', '/v1/auth/api-keys')).body.items).toMatchObject([{ status: 'active' }]);
});

test('no field chooses the owner or its tier', async () => {
  const { signUp } = await openGateway();
  const { ask } = await signUp('ada@example.com');
  for (const field of ['owner', 'tier', 'consumer_id', 'permissions', 'created_at']) {
    const res = await ask('post', '/v1/auth/api-keys', { [field]: 'x' });
    expect([field, res.status, res.body.code]).toEqual([field, 400, 'VALIDATION_ERROR']);
  }
});

test('a key never does more than its owner: neither when it is made nor when the owner loses a right', async () => {
  const { signUp, asBearer, url } = await openGateway();
  const { id, ask } = await signUp('ada@example.com');
  const permit = (permissions: string[]) => asAdmin(url)('patch', `/admin/consumers/${id}`, { permissions });
  await permit(['chat:*', 'embed:read']);
  for (const scopes of [['*'], ['embed:*'], ['chat:read', 'admin:write']]) {
    const res = await ask('post', '/v1/auth/api-keys', { scopes });
    expect([res.status, res.body.code]).toEqual([403, 'FORBIDDEN']);
  }
  const { api_key } = (await ask('post', '/v1/auth/api-keys', { scopes: ['chat:write', 'embed:read'] })).body;
  await permit(['chat:*']);
  expect((await asBearer(api_key)('get', '/v1/auth/me')).body.permissions).toEqual(['chat:write']);
});

test('a token that may do less than its consumer hands on no more than it may', async () => {
  const { signUp, narrowed } = await openGateway();
  const { id, ask } = await signUp('ada@example.com');
  const wide = (await ask('post', '/v1/auth/api-keys', {})).body;
  const reader = await narrowed(id, { permissions: ['chat:read'], models: ['gpt-4o*'] });
  expect((await reader('post', '/v1/auth/api-keys', {})).body.scopes).toEqual(['chat:read']);
  expect((await reader('post', '/v1/auth/api-keys', { scopes: ['chat:write'] })).status).toBe(403);
  expect((await reader('post', '/v1/auth/api-keys', { models: ['gpt-5'] })).status).toBe(403);
  expect((await reader('post', `/v1/auth/api-keys/${wide.id}/rotate`)).status).toBe(403);
  const narrow = (await reader('post', '/v1/auth/api-keys', {})).body;
  expect((await reader('post', `/v1/auth/api-keys/${narrow.id}/rotate`)).status).toBe(201);
});

test('a key, a token of a stranger and the master key make no keys here', async () => {
  const { signUp, asBearer, narrowed, url } = await openGateway();
  const { ask } = await signUp('ada@example.com');
  const { api_key } = (await ask('post', '/v1/auth/api-keys', {})).body;
  expect((await asBearer(api_key)('post', '/v1/auth/api-keys', {})).status).toBe(401);
  expect((await request(url).post('/v1/auth/api-keys').set('X-Master-Key', MASTER_KEY).send({})).status).toBe(401);
  const stranger = await narrowed('somebody', {});
  const res = await stranger('post', '/v1/auth/api-keys', {});
  expect([res.status, res.body.code]).toEqual([403, 'FORBIDDEN']);
});

test('nobody has more than a hundred working keys', async () => {
  const { signUp, deps } = await openGateway();
  const { id, ask } = await signUp('ada@example.com');
  for (let i = 0; i < 100; i++) await deps.identity.keys.issue({ owner: id, isOwn: true }, GATEWAY_CONTEXT);
  const refused = await ask('post', '/v1/auth/api-keys', {});
  expect([refused.status, refused.body.code]).toEqual([409, 'CONFLICT']);
  const { items } = (await ask('get', '/v1/auth/api-keys?limit=1')).body;
  await ask('delete', `/v1/auth/api-keys/${items[0].id}`);
  expect((await ask('post', '/v1/auth/api-keys', {})).status).toBe(201);
});
