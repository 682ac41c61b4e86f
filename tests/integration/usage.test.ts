// What callers use, over a whole gateway with a real model service behind it.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { readFrames } from '../../src/usage/journal/frame.ts';
import { asAdmin, expectDeclared } from '../support/api-client.ts';
import { until } from '../support/poll.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let llm: RunningService;
let echo: Server;
let gateway: TestGateway;

beforeAll(async () => {
  llm = await startLlm({ port: 0 });
  // Before it answers, everything that the gateway has on record so far can be seen.
  echo = createServer((_req, res) => res.end(journalKinds().join(' '))).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const echoUrl = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  web: { url: "${echoUrl}" }
  chat:
    kind: llm
    url: "${llm.url}/v1"
    retry: false
    models:
      entries:
        gpt-4: { price: { input_per_million: 10, output_per_million: 20 } }
        mistral: { unpriced: free }
  slow: { kind: llm, url: "${echoUrl}", models: { entries: { gpt-4: { unpriced: free } } } }
  gone: { kind: llm, url: "http://127.0.0.1:9", retry: false, circuit_breaker: false, models: { entries: { gpt-4: { unpriced: free } } } }
routes:
  - { name: chat, match: { path: /chat/* }, rewrite: { strip_prefix: /chat }, service: chat }
  - { name: slow, match: { path: /slow/* }, rewrite: { strip_prefix: /slow }, service: slow }
  - { name: gone, match: { path: /gone/* }, rewrite: { strip_prefix: /gone }, service: gone }
  - { name: web, match: { path: /web }, service: web }
  - { name: limited, match: { path: /limited }, service: web, rate_limit: { limits: [{ limit: 2, window: 1m }] } }
`);
});

afterAll(async () => {
  await gateway.close();
  await llm.close();
  echo.close();
});

function journalKinds(): string[] {
  const folder = join(gateway.gateway.config.settings.data_dir, 'usage');
  const files = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return files.flatMap((name) => [...readFrames(readFileSync(join(folder, name)))].map(({ kind }) => kind));
}

async function makeKey(owner: string, fields: object = {}): Promise<string> {
  const { body } = await asAdmin(gateway.url)('post', '/admin/generate_key', { owner, ...fields })
    .set('X-Master-Key', MASTER_KEY)
    .expect(201);
  return body.api_key;
}

function chat(key: string, fields: object = {}, path = '/chat/v1/chat/completions'): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json', 'x-request-id': 'the-clients-own' },
    body: JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'hello there' }], ...fields }),
  });
}

function recordsOf(consumer: string): Promise<Record<string, unknown>[]> {
  return gateway.deps.database.reader('usage_records').where({ consumer }).orderBy('settled_at') as never;
}

async function consumerOf(key: string): Promise<string> {
  return (await ask(key, '/v1/auth/me'))['id'] as string;
}

async function ask(key: string, path: string): Promise<Record<string, unknown>> {
  return (await fetch(gateway.url + path, { headers: { 'x-api-key': key } })).json() as never;
}

test('every answer of a model has one record, which says who used how much of what', async () => {
  const key = await makeKey('ada');
  const consumer = await consumerOf(key);
  const { usage } = (await (await chat(key)).json()) as { usage: Record<string, number> };
  await (await chat(key, { stream: true })).text();
  await (await chat(key, { model: 'mistral' })).text();
  const records = await until(async () => {
    const found = await recordsOf(consumer);
    return found.length >= 3 && found;
  });
  const cost = 10_000 * (usage['prompt_tokens'] ?? 0) + 20_000 * (usage['completion_tokens'] ?? 0);
  const whole = { action: 'POST chat', service: 'chat', model: 'gpt-4', status: 200, is_estimated: 0 };
  const told = { input_tokens: usage['prompt_tokens'], output_tokens: usage['completion_tokens'] };
  expect(records[0]).toMatchObject({ ...whole, ...told, cost_nano_usd: cost, request_id: 'the-clients-own' });
  expect(records[1]).toMatchObject({ ...whole, ...told, cost_nano_usd: cost });
  expect(records[2]).toMatchObject({ ...whole, model: 'mistral', model_asked: 'mistral', cost_nano_usd: 0 });
  expect(records).toHaveLength(3);
  expect(new Set(records.map(({ id }) => id)).size).toBe(3);
});

test('the record is on file before the client hears of the answer', async () => {
  const key = await makeKey('bea');
  const seen = (await (await chat(key, {}, '/slow/v1/chat/completions')).text()) as string;
  // What the upstream saw while it was asked; its own exchange is the last that was opened.
  expect(seen.split(' ').at(-1)).toBe('opened');
});

test('requests that are refused before anybody is called leave no record, failed ones do', async () => {
  const key = await makeKey('cleo');
  const consumer = await consumerOf(key);
  expect((await chat(key, { model: 'unknown-model' })).status).toBe(404);
  expect((await chat(key, { messages: 'none' })).status).toBe(400);
  expect((await chat(key, {}, '/gone/v1/chat/completions')).status).toBe(502);
  const records = await until(async () => {
    const found = await recordsOf(consumer);
    return found.length > 0 && found;
  });
  expect(records).toMatchObject([{ service: 'gone', status: 502, input_tokens: 0, output_tokens: 0 }]);
});

test('callers see their requests, tokens and money without any limit to count them', async () => {
  const key = await makeKey('dora');
  const { usage } = (await (await chat(key)).json()) as { usage: Record<string, number> };
  for (let i = 0; i < 4; i++) await fetch(`${gateway.url}/web`, { headers: { 'x-api-key': key } });
  const seen = await ask(key, '/v1/usage');
  const amounts = { input: usage['prompt_tokens'], output: usage['completion_tokens'] };
  expect(seen).toMatchObject({
    user_id: await consumerOf(key),
    usage: { requests_last_minute: 5, requests_last_hour: 5 },
    limits: { per_minute: null, per_hour: null },
    tokens: { today: amounts, month: amounts },
    budgets: [],
  });
  expect((seen['cost'] as { today_usd: number }).today_usd).toBeGreaterThan(0);
  // The same once the database has all of it.
  await gateway.deps.usage.flush();
  await until(async () => (await recordsOf(await consumerOf(key))).length === 1);
  const { usage: later, tokens } = await ask(key, '/v1/usage');
  expect(later).toMatchObject({ requests_last_minute: 5, requests_last_hour: 5 });
  expect(tokens).toEqual({ today: amounts, month: amounts });
});

test('where a key has limits, what they have counted is what its owner sees', async () => {
  const limits = [
    { limit: 30, window: '1m' },
    { limit: 90, window: '1h' },
  ];
  const key = await makeKey('eva', { rate_limit: { limits } });
  for (let i = 0; i < 3; i++) await fetch(`${gateway.url}/web`, { headers: { 'x-api-key': key } });
  const seen = await ask(key, '/v1/usage');
  // Three, and this question, which the limit counts too.
  expect(seen).toMatchObject({
    usage: { requests_last_minute: 4, requests_last_hour: 4 },
    limits: { per_minute: 30, per_hour: 90 },
  });
});

test('refusals by a limit are counted by the minute and are no requests that a caller has had', async () => {
  const key = await makeKey('fay');
  const consumer = await consumerOf(key);
  const statuses = [];
  for (let i = 0; i < 4; i++)
    statuses.push((await fetch(`${gateway.url}/limited`, { headers: { 'x-api-key': key } })).status);
  expect(statuses).toEqual([200, 200, 429, 429]);
  expect(await ask(key, '/v1/usage')).toMatchObject({ usage: { requests_last_minute: 2 } });
  await gateway.deps.usage.flush();
  const minutes = await gateway.deps.database
    .reader('usage_minutes')
    .where({ consumer, route: 'limited' })
    .groupBy('status')
    .orderBy('status')
    .select('status')
    .sum({ requests: 'requests' });
  expect(minutes).toEqual([
    { status: 200, requests: 2 },
    { status: 429, requests: 2 },
  ]);
});

test('administrators see the sums as JSON, and as CSV that no spreadsheet runs', async () => {
  const key = await makeKey('=HYPERLINK("x")');
  await (await chat(key)).text();
  const consumer = await consumerOf(key);
  await until(async () => (await recordsOf(consumer)).length === 1);
  await gateway.deps.usage.flush();
  const admin = (path: string) => asAdmin(gateway.url)('get', path).set('X-Master-Key', MASTER_KEY);
  const today = new Date().toISOString().slice(0, 10);
  const found = await admin(`/admin/usage?group_by=day,model&consumer=${consumer}&from=${today}&to=${today}`);
  expectDeclared('GET', '/admin/usage', found);
  const ofModel = { day: today, model: 'gpt-4', requests: 1, failures: 0, estimated: 0 };
  expect(found.body.items).toMatchObject([{ model: '' }, ofModel]);
  const csv = await admin('/admin/usage?group_by=consumer,service').set('Accept', 'text/csv').buffer(true);
  expect(csv.headers['content-type']).toMatch(/^text\/csv/);
  const [titles, ...rows] = csv.text.trimEnd().split('\r\n');
  expect(titles).toBe(
    'consumer,service,requests,failures,estimated,input_tokens,output_tokens,cost_usd,cached_tokens,cache_write_tokens,reasoning_tokens,consumer_name',
  );
  expect(rows.every((row) => /^('|"'|[^=+\-@])/.test(row))).toBe(true);
  const named = await admin(`/admin/usage?consumer=${encodeURIComponent('=HYPERLINK("x")')}`);
  expect(named.body.items).toMatchObject([{ consumer, consumer_name: '=HYPERLINK("x")' }]);
  expect((await admin('/admin/usage?consumer=nobody-at-all')).status).toBe(404);
  expect((await admin('/admin/usage?group_by=colour')).status).toBe(400);
  expect((await asAdmin(gateway.url)('get', '/admin/usage').set('X-Master-Key', 'wrong')).status).toBe(401);
});

test('while the database is away callers are told what the process itself knows', async () => {
  const key = await makeKey('hal');
  const { knex } = gateway.deps.database;
  for (let i = 0; i < 3; i++) await fetch(`${gateway.url}/web`, { headers: { 'x-api-key': key } });
  await knex.schema.renameTable('usage_days', 'usage_days_away');
  try {
    const seen = await ask(key, '/v1/usage');
    expect(seen).toMatchObject({ usage: { requests_last_minute: 3, requests_last_hour: 3 } });
    expect(seen).not.toHaveProperty('tokens');
  } finally {
    await knex.schema.renameTable('usage_days_away', 'usage_days');
  }
});

test('a caller is told in the words of the endpoint, and the journal is a metric', async () => {
  const key = await makeKey('gwen');
  const res = await fetch(`${gateway.url}/v1/usage`, { headers: { 'x-api-key': key } });
  expectDeclared('GET', '/v1/usage', { status: res.status, body: await res.json() } as never);
  expect((await fetch(`${gateway.url}/v1/usage`)).status).toBe(401);
  expect(await gateway.metrics()).toMatch(/^gateway_usage_journal_bytes \d+$/m);
});
