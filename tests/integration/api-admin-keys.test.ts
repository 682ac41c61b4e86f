import { describe, expect, test } from '@jest/globals';
import { asAdmin, expectDeclared } from '../support/api-client.ts';
import { makeGateways } from '../support/start-gateway.ts';

const start = makeGateways();
const CONFIG = `
settings:
  listen: { host: 127.0.0.1, port: 0 }
  shutdown: { grace: 0s, drain: 1s, flush: 1s }
  rate_period: 30s
`;

async function openAdmin() {
  return asAdmin((await start(CONFIG)).url);
}

describe('a key', () => {
  test('is issued at both addresses, shown once, and listed newest first in pages', async () => {
    const admin = await openAdmin();
    const first = await admin('post', '/admin/generate_key', { owner: 'alice' });
    expect(first.status).toBe(201);
    expectDeclared('POST', '/admin/generate_key', first);
    const second = await admin('post', '/admin/keys', { owner: 'bob', env: 'test', name: 'ci', scopes: ['chat:*'] });
    expect(second.body.api_key).toMatch(/^sk_test_/);
    const page = await admin('get', '/admin/keys?limit=1');
    expectDeclared('GET', '/admin/keys', page);
    expect(page.body.items).toMatchObject([{ id: second.body.id, name: 'ci', scopes: ['chat:*'], status: 'active' }]);
    const rest = await admin('get', `/admin/keys?limit=1&cursor=${page.body.next_cursor}`);
    expect(rest.body).toEqual({ items: [expect.objectContaining({ id: first.body.id })] });
    expect(JSON.stringify([page.body, rest.body])).not.toContain(second.body.api_key.slice(16));
  });

  test('of one consumer can be listed alone', async () => {
    const admin = await openAdmin();
    const { id } = (await admin('post', '/admin/keys', { owner: 'alice' })).body;
    await admin('post', '/admin/keys', { owner: 'bob' });
    const consumer = (await admin('get', `/admin/keys/${id}`)).body.owner.id;
    const { items } = (await admin('get', `/admin/keys?consumer_id=${consumer}`)).body;
    expect(items.map((key: { id: string }) => key.id)).toEqual([id]);
  });

  test('takes a limit as the configuration file does, and shows it in a form that can be sent back', async () => {
    const admin = await openAdmin();
    const short = (await admin('post', '/admin/keys', { owner: 'a', rate_limit: 5 })).body;
    const shown = (await admin('get', `/admin/keys/${short.id}`)).body.rate_limit;
    expect(shown.limits).toMatchObject([{ limit: 5, window: '30s', algorithm: 'sliding_window', per: ['consumer'] }]);
    const long = { limits: [{ limit: 9, window: '1h', per: 'credential' }] };
    const patched = await admin('patch', `/admin/keys/${short.id}`, { rate_limit: long });
    expect(patched.body.rate_limit.limits).toMatchObject([{ limit: 9, window: '1h', per: ['credential'] }]);
    const again = await admin('patch', `/admin/keys/${short.id}`, { rate_limit: patched.body.rate_limit });
    expect(again.body.rate_limit).toEqual(patched.body.rate_limit);
  });

  test('keeps what a change leaves out and loses what it sets to null', async () => {
    const admin = await openAdmin();
    const fields = { owner: 'a', name: 'ci', scopes: ['x:y'], expires_at: '2099-01-01', rate_limit: 5 };
    const { id } = (await admin('post', '/admin/keys', fields)).body;
    const kept = await admin('patch', `/admin/keys/${id}`, { name: 'other' });
    expectDeclared('PATCH', '/admin/keys/:id', kept);
    expect(kept.body).toMatchObject({ name: 'other', scopes: ['x:y'], expires_at: '2099-01-01T00:00:00.000Z' });
    const cleared = await admin('patch', `/admin/keys/${id}`, {
      name: null,
      scopes: null,
      expires_at: null,
      rate_limit: null,
    });
    for (const field of ['name', 'scopes', 'expires_at', 'rate_limit']) expect(cleared.body).not.toHaveProperty(field);
  });

  test('is revoked for good', async () => {
    const admin = await openAdmin();
    const { id } = (await admin('post', '/admin/keys', { owner: 'a' })).body;
    const revoked = await admin('delete', `/admin/keys/${id}`);
    expectDeclared('DELETE', '/admin/keys/:id', revoked);
    expect(revoked.body.status).toBe('revoked');
    expect((await admin('patch', `/admin/keys/${id}`, { name: 'x' })).body.code).toBe('CONFLICT');
  });

  test('is rotated with the grace asked for, an empty body included', async () => {
    const admin = await openAdmin();
    const { id } = (await admin('post', '/admin/keys', { owner: 'a' })).body;
    const next = await admin('post', `/admin/keys/${id}/rotate`);
    expect(next.status).toBe(201);
    expectDeclared('POST', '/admin/keys/:id/rotate', next);
    const old = (await admin('get', `/admin/keys/${id}`)).body;
    expect(old).toMatchObject({ status: 'active', replaced_by: next.body.id });
    expect(Date.parse(old.expires_at) - Date.now()).toBeLessThanOrEqual(3_600_000);
    await admin('post', `/admin/keys/${next.body.id}/rotate`, { grace: '0s' });
    expect((await admin('get', `/admin/keys/${next.body.id}`)).body.status).toBe('revoked');
  });

  test('that nobody knows is 404', async () => {
    const admin = await openAdmin();
    for (const method of ['get', 'patch', 'delete'] as const) {
      const res = await admin(method, '/admin/keys/nope', method === 'patch' ? {} : undefined);
      expect([method, res.status, res.body.code]).toEqual([method, 404, 'NOT_FOUND']);
    }
  });
});

const MISTAKES: readonly [object, string][] = [
  [{}, 'owner: is required'],
  [{ ownr: 'a', owner: 'a' }, 'ownr: unknown key, did you mean "owner"?'],
  [{ owner: 7 }, 'owner: must be text'],
  [{ owner: 'a\u0000' }, 'owner: must be text without control characters'],
  [{ owner: 'a', env: 'prod' }, 'env: must be one of live, test, dev'],
  [{ owner: 'a', expires_at: 'soon' }, 'expires_at: must be a date'],
  [{ owner: 'a', expires_at: '2001-01-01' }, 'expires_at: must lie in the future'],
  [{ owner: 'a', rate_limit: 0 }, 'rate_limit.limits[0].limit: must be more than 0'],
  [{ owner: 'a', rate_limit: { limits: [{ limit: 1, windw: '1m' }] } }, 'rate_limit.limits[0].windw: unknown key'],
  [{ owner: 'a', rate_limit: { limits: [{ limit: 1, window: '1m', burst: 2 }] } }, 'burst has a meaning only with'],
  [{ owner: 'a', constructor: {} }, 'constructor: unknown key'],
];

test('a mistake in a body is refused with the name of the field at fault, and nothing is issued', async () => {
  const admin = await openAdmin();
  for (const [body, mistake] of MISTAKES) {
    const res = await admin('post', '/admin/keys', body);
    expect([res.status, res.body.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(res.body.detail).toContain(mistake);
  }
  expect((await admin('get', '/admin/keys')).body.items).toEqual([]);
});

test('a query with a parameter that is wrong, unknown or repeated is refused', async () => {
  const admin = await openAdmin();
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'limit=1&limit=2', 'cursor=mine', 'page=2', '__proto__=1']) {
    const res = await admin('get', `/admin/keys?${query}`);
    expect([query, res.status, res.body.code]).toEqual([query, 400, 'VALIDATION_ERROR']);
  }
});

test('what a key is good for is stored, shown and changed; shapes are checked', async () => {
  const admin = await openAdmin();
  const bounds = { models: ['gpt-*'], routes: ['chat'], addresses: ['10.0.0.0/8', 'loopback'], scopes: ['embed:*'] };
  const issued = await admin('post', '/admin/generate_key', { owner: 'alice', ...bounds });
  const at = `/admin/keys/${issued.body.id}`;
  const shown = await admin('get', at);
  expectDeclared('GET', '/admin/keys/:id', shown);
  expect(shown.body).toMatchObject(bounds);
  const cleared = await admin('patch', at, { models: null, routes: null, addresses: ['::1'], scopes: [] });
  expect(cleared.body).toMatchObject({ addresses: ['::1'], scopes: [] });
  for (const field of ['models', 'routes']) expect(cleared.body).not.toHaveProperty(field);
  for (const wrong of [{ models: ['a b'] }, { routes: ['/x'] }, { addresses: ['10.0.0.0/33'] }, { scopes: ['*:x'] }]) {
    const refused = await admin('post', '/admin/keys', { owner: 'alice', ...wrong });
    expect([refused.status, refused.body.detail]).toEqual([
      400,
      expect.stringContaining(`${Object.keys(wrong)[0]}[0]`),
    ]);
  }
});

test('a tier must be one of those declared, wherever it is given', async () => {
  const admin = asAdmin((await start(`${CONFIG}tiers: { free: { rate_limit: 10 }, pro: {} }\n`)).url);
  const made = await admin('post', '/admin/consumers', { name: 'acme', tier: 'pro' });
  expect(made.status).toBe(201);
  const refused = await Promise.all([
    admin('post', '/admin/consumers', { name: 'other', tier: 'fre' }),
    admin('patch', `/admin/consumers/${made.body.id}`, { tier: 'fre' }),
    admin('post', '/admin/generate_key', { owner: 'third', tier: 'fre' }),
  ]);
  for (const { status, body } of refused) {
    expect([status, body.detail]).toEqual([400, 'tier: unknown tier "fre", did you mean "free"?']);
  }
  expect((await admin('patch', `/admin/consumers/${made.body.id}`, { tier: null })).status).toBe(200);
});

test('a consumer is created once, changed, disabled with its keys, and brought back', async () => {
  const admin = await openAdmin();
  const created = await admin('post', '/admin/consumers', { name: 'acme', tier: 'pro', rate_limit: 10 });
  expect(created.status).toBe(201);
  expectDeclared('POST', '/admin/consumers', created);
  expect((await admin('post', '/admin/consumers', { name: 'acme' })).body.code).toBe('CONFLICT');
  const at = `/admin/consumers/${created.body.id}`;
  const patched = await admin('patch', at, { tier: null, permissions: ['chat:*'] });
  expect(patched.body).toMatchObject({ name: 'acme', permissions: ['chat:*'], rate_limit: expect.anything() });
  expect(patched.body).not.toHaveProperty('tier');
  expect((await admin('delete', at)).body.status).toBe('disabled');
  expect((await admin('post', '/admin/keys', { owner: 'acme' })).body.code).toBe('CONFLICT');
  expect((await admin('patch', at, { status: 'active' })).body.status).toBe('active');
  const list = await admin('get', '/admin/consumers');
  expectDeclared('GET', '/admin/consumers', list);
  const { budgets, ...shown } = (await admin('get', at)).body;
  expect(list.body.items).toEqual([shown]);
  expect(budgets).toEqual([]);
});
