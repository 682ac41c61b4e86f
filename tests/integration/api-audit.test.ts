import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { asAdmin, expectDeclared } from '../support/api-client.ts';
import { makeGateways, MASTER_KEY } from '../support/start-gateway.ts';

const start = makeGateways();

const CONFIG = `
settings:
  listen: { host: 127.0.0.1, port: 0 }
  shutdown: { grace: 0s, drain: 200ms, flush: 1s }
services:
  service1: { url: "http://127.0.0.1:9" }
`;

interface Entry {
  readonly actor: string;
  readonly address: string;
  readonly request_id: string;
  readonly action: string;
  readonly subject: string;
  readonly before?: Record<string, unknown>;
  readonly after?: Record<string, unknown>;
}

async function readAudit(url: string, query = ''): Promise<readonly Entry[]> {
  const res = await asAdmin(url)('get', `/admin/audit${query}`);
  expect(res.status).toBe(200);
  expectDeclared('GET', '/admin/audit', res);
  return (res.body as { items: readonly Entry[] }).items;
}

test('the life of a key is on record with who changed what from where, and without the key', async () => {
  const { url } = await start(CONFIG);
  const ask = asAdmin(url);
  const issued = await ask('post', '/admin/generate_key', { owner: 'alice', name: 'first' });
  const { api_key: key, id } = issued.body as { api_key: string; id: string };
  await ask('patch', `/admin/keys/${id}`, { name: 'second' });
  const rotated = await ask('post', `/admin/keys/${id}/rotate`, { grace: '0s' });
  const next = rotated.body as { api_key: string; id: string };
  const revoked = await ask('delete', `/admin/keys/${next.id}`);
  await ask('delete', `/admin/keys/${next.id}`);
  const entries = await readAudit(url);
  const actions = entries.map(({ action }) => action).toReversed();
  const issue = ['consumer.create', 'key.issue'];
  expect(actions).toEqual([...issue, 'key.update', 'key.issue', 'key.rotate', 'key.revoke']);
  expect(entries[3]).toMatchObject({ before: { name: 'first' }, after: { name: 'second' }, subject: id });
  expect(entries[1]).toMatchObject({ action: 'key.rotate', subject: id, after: { replaced_by: next.id } });
  const from = { actor: 'master_key', address: '127.0.0.1', request_id: revoked.headers['x-request-id'] };
  expect(entries[0]).toMatchObject({ ...from, subject: next.id, after: { revoked_at: expect.any(Number) } });
  const text = JSON.stringify(entries);
  for (const secret of [key, next.api_key, MASTER_KEY]) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(createHash('sha256').update(secret).digest('hex'));
  }
});

test('changes of consumers, breakers and the configuration are on record, refused ones are not', async () => {
  const { url } = await start(CONFIG);
  const ask = asAdmin(url);
  const { body } = await ask('post', '/admin/consumers', { name: 'bob' });
  await ask('post', '/admin/consumers', { name: 'bob' });
  await ask('delete', `/admin/consumers/${body.id}`);
  await ask('patch', '/admin/consumers/con_unknown', { status: 'disabled' });
  await ask('post', '/admin/breakers/service1/127.0.0.1:9/reset');
  await ask('post', '/admin/reload');
  const entries = await readAudit(url);
  expect(entries.map(({ action, subject }) => [action, subject])).toEqual([
    ['config.reload', 'configuration'],
    ['breaker.reset', 'service1/127.0.0.1:9'],
    ['consumer.update', body.id],
    ['consumer.create', body.id],
  ]);
  expect(entries[2]).toMatchObject({ before: { status: 'active' }, after: { status: 'disabled' } });
});

test('the log is searched by actor, action, subject and time, and read by pages', async () => {
  const { url, deps } = await start(CONFIG);
  const ask = asAdmin(url);
  for (const name of ['a', 'b', 'c']) await ask('post', '/admin/consumers', { name });
  const [, second] = await readAudit(url);
  expect(await readAudit(url, `?subject=${second?.subject}`)).toHaveLength(1);
  expect(await readAudit(url, '?action=consumer.create&actor=master_key')).toHaveLength(3);
  expect(await readAudit(url, '?actor=somebody')).toEqual([]);
  const future = new Date(deps.clock.now() + 60_000).toISOString();
  expect(await readAudit(url, `?since=${encodeURIComponent(future)}`)).toEqual([]);
  const page = await ask('get', '/admin/audit?limit=2');
  const { items, next_cursor: cursor } = page.body as { items: unknown[]; next_cursor: string };
  expect(items).toHaveLength(2);
  expect(await readAudit(url, `?limit=2&cursor=${cursor}`)).toHaveLength(1);
  expect((await ask('get', '/admin/audit?limit=201')).status).toBe(400);
  expect((await ask('get', '/admin/audit?since=soon')).status).toBe(400);
});
