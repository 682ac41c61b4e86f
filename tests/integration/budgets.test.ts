// Budgets and limits of tokens and money over a whole gateway, with a model whose every answer the test decides.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { asAdmin } from '../support/api-client.ts';
import { until } from '../support/poll.ts';
import { API_KEY, MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

/** 100 tokens of text. */
const PIECE = `data: ${JSON.stringify({ choices: [{ delta: { content: 'word'.repeat(100) } }] })}\n\n`;

let model: Server;
let gateway: TestGateway;
/** Names of the models that were asked. */
let asked: string[];
let answered: { prompt_tokens: number; completion_tokens: number };
/** While it is set, answers wait for it. */
let gate: Promise<void> | undefined;
let streams: ServerResponse[];

beforeEach(() => {
  asked = [];
  streams = [];
  answered = { prompt_tokens: 30, completion_tokens: 20 };
  gate = undefined;
});

async function answerAs(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const body = JSON.parse(Buffer.concat(chunks).toString()) as { model: string; stream?: boolean };
  asked.push(body.model);
  await gate;
  if (body.stream) return streamFor(res);
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify({ choices: [{ message: { content: 'so' } }], usage: answered }));
}

beforeAll(async () => {
  model = createServer((req, res) => void answerAs(req, res)).listen(0, '127.0.0.1');
  await once(model, 'listening');
  const url = `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`;
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
tiers:
  small: { budget: { tokens: 500, every: day } }
services:
  chat:
    kind: llm
    url: "${url}"
    retry: { attempts: 3 }
    circuit_breaker: false
    models:
      entries:
        plain: { price: { input_per_million: 10000, output_per_million: 20000 }, max_output: 200 }
        dear: { price: { input_per_million: 50000, output_per_million: 100000 } }
        safe: { price: { input_per_million: 10000, output_per_million: 20000 }, fallbacks: [dear, bare] }
        bare: { unpriced: deny }
        wordy: { price: { input_per_million: 10000, output_per_million: 20000 } }
  gone: { kind: llm, url: "http://127.0.0.1:9", retry: false, circuit_breaker: false, models: { entries: { plain: { unpriced: free } } } }
routes:
  - { name: chat, match: { path: /chat/* }, rewrite: { strip_prefix: /chat }, service: chat, idempotency: true }
  - { name: gone, match: { path: /gone/* }, rewrite: { strip_prefix: /gone }, service: gone }
  - name: lines
    match: { path: /lines/* }
    rewrite: { strip_prefix: /lines }
    service: chat
    rate_limit: { limits: [{ limit: 9, window: 1m }, { limit: 400, window: 1m, count: tokens, algorithm: fixed_window }] }
  - { name: capped, match: { path: /capped/* }, rewrite: { strip_prefix: /capped }, service: chat, budget: { cost_usd: 0.5, every: request } }
  - { name: pooled, match: { path: /pooled/* }, rewrite: { strip_prefix: /pooled }, service: chat, budget: { requests: 2, every: day, per: global } }
`);
});

afterAll(async () => {
  await gateway.close();
  model.closeAllConnections();
  model.close();
});

/** An answer without an end, as fast as it is read. */
function streamFor(res: ServerResponse): void {
  streams.push(res);
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  const timer = setInterval(() => res.write(PIECE), 2);
  res.on('close', () => clearInterval(timer));
}

async function makeKey(fields: object): Promise<{ api_key: string; id: string }> {
  const admin = asAdmin(gateway.url)('post', '/admin/generate_key', { owner: `c${Math.random()}`, ...fields });
  return (await admin.set('X-Master-Key', MASTER_KEY).expect(201)).body;
}

/** A prompt of 8 tokens, and at most 92 of answer: a reservation of 100. */
function ask(
  key: string,
  fields: object = {},
  { route = 'chat', ...headers }: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${gateway.url}/${route}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'plain', messages: [{ role: 'user', content: 'hi' }], max_tokens: 92, ...fields }),
  });
}

async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
}

async function budgetsOf(key: string): Promise<Record<string, unknown>[]> {
  const answer = await fetch(`${gateway.url}/v1/usage`, { headers: { 'x-api-key': key } });
  return ((await answer.json()) as { budgets: Record<string, unknown>[] }).budgets;
}

async function left(key: string): Promise<unknown> {
  return (await budgetsOf(key))[0]?.['remaining'];
}

async function errorOf(answer: Response): Promise<{ code: string; message: string; type: string }> {
  return ((await answer.json()) as { error: { code: string; message: string; type: string } }).error;
}

describe('a budget of a key', () => {
  test('is charged what the upstream says was used, and shown with its name, unit and end', async () => {
    const { api_key: key } = await makeKey({ budget: { tokens: 1_000, every: 'month' } });
    expect(await statusOf(ask(key))).toBe(200);
    await until(async () => (await left(key)) === 950);
    const now = new Date();
    const end = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString();
    expect(await budgetsOf(key)).toEqual([
      { name: 'key:tokens:month', unit: 'tokens', limit: 1_000, used: 50, remaining: 950, resets_at: end },
    ]);
  });

  test('that is gone refuses before anything is sent upstream, says until when, and tells clients not to try again', async () => {
    const { api_key: key } = await makeKey({ budget: { cost_usd: 2, every: 'month' } });
    answered = { prompt_tokens: 100, completion_tokens: 45 };
    expect(await statusOf(ask(key))).toBe(200);
    await until(async () => (await left(key)) === 0.1);
    asked = [];
    const refused = await ask(key);
    expect(refused.status).toBe(429);
    const { code, message, type } = await errorOf(refused);
    expect([code, type]).toEqual(['BUDGET_EXCEEDED', 'insufficient_quota']);
    expect(message).toMatch(
      /^Budget exceeded: \$2\.00 per month, \$0\.10 left, and this request may use up to \$1\.92; it resets at \d{4}-\d\d-01T00:00:00Z\.$/,
    );
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(asked).toEqual([]);
  });

  test('is never overspent by requests that run at the same time', async () => {
    const { api_key: key } = await makeKey({ budget: { tokens: 350, every: 'day' } });
    let open = (): void => undefined;
    gate = new Promise((resolve) => (open = resolve));
    const answers = Array.from({ length: 10 }, () => ask(key));
    await until(() => asked.length === 3);
    const refused: Response[] = [];
    for (const answer of answers) void answer.then((each) => each.status === 429 && refused.push(each));
    await until(() => refused.length === 7);
    const [first] = refused as [Response];
    expect(first.headers.get('x-should-retry')).toBeNull();
    expect((await errorOf(first)).message).toMatch(/running requests have reserved the rest, retry after \d+ seconds/);
    open();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    await until(async () => (await left(key)) === 200);
  });

  test('survives the rotation of the key, and goes away when it is cleared', async () => {
    const { api_key: key, id } = await makeKey({ budget: { tokens: 120, every: 'day' } });
    const admin = asAdmin(gateway.url);
    expect(await statusOf(ask(key))).toBe(200);
    await until(async () => (await left(key)) === 70);
    const rotated = await admin('post', `/admin/keys/${id}/rotate`, {}).set('X-Master-Key', MASTER_KEY).expect(201);
    const { api_key: next, id: nextId } = rotated.body;
    expect(await left(next)).toBe(70);
    expect(await statusOf(ask(next))).toBe(429);
    await admin('patch', `/admin/keys/${nextId}`, { budget: null }).set('X-Master-Key', MASTER_KEY).expect(200);
    await until(async () => (await statusOf(ask(next))) === 200);
    expect(await budgetsOf(next)).toEqual([]);
  });

  test('gets everything back from a request that reached nobody, and pays for no repetition', async () => {
    const { api_key: key } = await makeKey({ budget: { tokens: 1_000, every: 'day' } });
    expect(await statusOf(ask(key, {}, { route: 'gone' }))).toBe(502);
    await until(async () => (await left(key)) === 1_000);
    for (let i = 0; i < 3; i += 1) expect(await statusOf(ask(key, {}, { 'idempotency-key': key }))).toBe(200);
    expect(asked).toEqual(['plain']);
    await until(async () => (await left(key)) === 950);
  });
});

describe('a stream', () => {
  test('that goes beyond what is left ends with an honest error, and the upstream is left', async () => {
    const { api_key: key } = await makeKey({ budget: { tokens: 4_000, every: 'day' } });
    const answer = await ask(key, { model: 'wordy', stream: true, max_tokens: undefined });
    expect(answer.status).toBe(200);
    let text = '';
    const read = async (): Promise<void> => {
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
    };
    await read();
    expect(
      text.split('\n').filter((line) => line.startsWith('data:') && line.includes('BUDGET_EXCEEDED')),
    ).toHaveLength(1);
    expect(text).toContain('insufficient_quota');
    expect(text).not.toContain('[DONE]');
    const tokens = text.split('wordword').length * 2;
    expect(tokens).toBeGreaterThan(3_000);
    expect(tokens).toBeLessThan(4_600);
    await until(() => streams.every((stream) => stream.destroyed || stream.closed));
    await until(async () => ((await left(key)) as number) < 300);
    const line = gateway.logged.findLast(({ outcome }) => outcome === 'truncated');
    expect(line).toMatchObject({ error_code: 'BUDGET_EXCEEDED' });
  });
});

describe('money', () => {
  test('is reserved at the price of the dearest model that may answer', async () => {
    const { api_key: key } = await makeKey({ budget: { cost_usd: 5, every: 'month' } });
    const refused = await ask(key, { model: 'safe' });
    expect((await errorOf(refused)).message).toContain('this request may use more than that');
    expect(asked).toEqual([]);
    expect(await statusOf(ask(key))).toBe(200);
  });

  test('is not for models without a price, which do not stand in for others either', async () => {
    const { api_key: key } = await makeKey({ budget: { cost_usd: 100, every: 'month' } });
    const refused = await ask(key, { model: 'bare' });
    expect(refused.status).toBe(403);
    expect((await errorOf(refused)).message).toBe(
      "Model 'bare' has no price in this gateway, and your budget is in dollars.",
    );
    expect(asked).toEqual([]);
    const { api_key: free } = await makeKey({});
    expect(await statusOf(ask(free, { model: 'bare' }))).toBe(200);
  });

  test('may be bounded for a single request', async () => {
    const { api_key: key } = await makeKey({});
    const refused = await ask(key, {}, { route: 'capped' });
    expect(refused.status).toBe(422);
    expect((await errorOf(refused)).message).toMatch(
      /may come to \$1\.92 \(8 tokens in and up to 92 tokens out\), and one may come to \$0\.50 at most/,
    );
    expect(asked).toEqual([]);
    expect(await statusOf(ask(key, { max_tokens: 10 }, { route: 'capped' }))).toBe(200);
  });
});

describe('budgets and limits elsewhere', () => {
  test('a tier gives each of its consumers one, which its consumer shows to administrators', async () => {
    const admin = asAdmin(gateway.url);
    const made = await admin('post', '/admin/consumers', {
      name: 'tim',
      tier: 'small',
      budget: { requests: 9, every: 'day' },
    })
      .set('X-Master-Key', MASTER_KEY)
      .expect(201);
    const keys = [await makeKey({ owner: 'tim' }), await makeKey({ owner: 'tim' }), await makeKey({ tier: 'small' })];
    for (const { api_key } of keys) expect(await statusOf(ask(api_key))).toBe(200);
    const path = `/admin/consumers/${made.body.id}`;
    const shown = async () => (await admin('get', path).set('X-Master-Key', MASTER_KEY).expect(200)).body;
    await until(async () => (await shown()).budgets[0].remaining === 400);
    expect((await shown()).budgets).toMatchObject([
      { name: 'tier:tokens:day', remaining: 400 },
      { name: 'consumer:requests:day', unit: 'requests', used: 2, remaining: 7 },
    ]);
    const cleared = await admin('patch', path, { budget: null }).set('X-Master-Key', MASTER_KEY).expect(200);
    expect(cleared.body.budget).toBeUndefined();
  });

  test('a route may have one for all its callers together', async () => {
    const keys = await Promise.all([1, 2, 3].map(() => makeKey({})));
    const statuses: number[] = [];
    for (const { api_key } of keys) statuses.push(await statusOf(ask(api_key, {}, { route: 'pooled' })));
    expect(statuses).toEqual([200, 200, 429]);
  });

  test('limits of tokens are told in headers of their own, reserved first and corrected afterwards', async () => {
    const { api_key: key } = await makeKey({});
    const answer = await ask(key, {}, { route: 'lines' });
    expect(answer.headers.get('x-ratelimit-limit-requests')).toBe('9');
    expect(answer.headers.get('x-ratelimit-limit-tokens')).toBe('400');
    expect(answer.headers.get('x-ratelimit-remaining-tokens')).toBe('300');
    await answer.json();
    const next = await ask(key, {}, { route: 'lines' });
    expect(next.headers.get('x-ratelimit-remaining-tokens')).toBe('250');
    const refused = await ask(key, { max_tokens: 392 }, { route: 'lines' });
    const { code, message } = await errorOf(refused);
    expect(code).toBe('RATE_LIMIT_EXCEEDED');
    expect(message).toMatch(
      /^Rate limit exceeded: 400 tokens per minute, \d+ tokens? left, and this request may use up to 400 tokens; retry after \d+ seconds?\.$/,
    );
  });
});

test('what was used of a budget outlives a gateway without Redis', async () => {
  const config = `
settings: { ${QUICK_SHUTDOWN} }
services:
  chat: { kind: llm, url: "http://127.0.0.1:${(model.address() as AddressInfo).port}/v1", budget: { tokens: 1000, every: month } }
`;
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-budgets-'));
  const env = { DATABASE_URL: `sqlite:${join(folder, 'kept.db')}` };
  const askAt = (url: string) => fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
  const headers = { 'x-api-key': API_KEY, 'content-type': 'application/json' };
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], max_tokens: 500 });
  answered = { prompt_tokens: 300, completion_tokens: 450 };
  const statuses: number[] = [];
  for (let i = 0; i < 2; i += 1) {
    const own = await startTestGateway(config, { env });
    statuses.push(await statusOf(askAt(own.url)));
    await own.close();
  }
  expect(statuses).toEqual([200, 429]);
  rmSync(folder, { recursive: true });
});
