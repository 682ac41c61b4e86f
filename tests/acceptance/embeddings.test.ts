// The commands of the document that examples/embeddings.yaml comes from, against the real program.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startEmbeddings } from '../../services/embeddings/server.ts';
import type { RunningService } from '../../services/http-service.ts';
import { loadConfig } from '../../src/config/load.ts';
import { bearer, getJson, type JsonAnswer, postJson, readExample } from '../support/example.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const model = 'sentence-transformers/all-mpnet-base-v2';
const API_KEY = 'sk_live_key_kept_across_restarts';

let inference: RunningService;
let gateway: GatewayProcess;

beforeAll(async () => {
  inference = await startEmbeddings({ port: 0 });
  gateway = await startGatewayProcess({
    config: readExample('embeddings.yaml'),
    env: { TEST_API_KEY: API_KEY },
    args: ['--inference-url', inference.url, '--rate-limit-minute', '10', '--rate-limit-hour', '12'],
  });
});

afterAll(async () => {
  await gateway.stop();
  await inference.close();
});

/** `curl -X POST …/v1/embed -H "Authorization: Bearer $API_KEY" -d '{"input_text": "…"}'` */
function embed(key: string, body: object = { input_text: 'Hello, world!' }): Promise<JsonAnswer> {
  return postJson(`${gateway.url}/v1/embed`, body, bearer(key));
}

describe('the program', () => {
  test('allows 60 requests a minute and 1000 an hour from any page unless flags say otherwise', async () => {
    const file = join(import.meta.dirname, '../../examples/embeddings.yaml');
    const { config } = await loadConfig({ file, env: {} });
    const [route] = config.routes;
    const limits = route?.policies.limits.flatMap(({ rate_limit: { limits: lines } }) => lines);
    expect(limits?.map(({ limit, window }) => [limit, window])).toEqual([
      [60, 60_000],
      [1_000, 3_600_000],
    ]);
    expect(route?.policies.cors?.origins).toEqual(['*']);
    expect(config.services['inference']?.targets[0]?.url).toBe('http://localhost:8001');
  });

  test('takes every flag of the document', async () => {
    const file = join(import.meta.dirname, '../../examples/embeddings.yaml');
    const flags = { '--host': '127.0.0.1', '--port': '9', '--cors-origins': 'https://o.example' };
    const more = { '--inference-url': 'http://i:1', '--rate-limit-minute': '7', '--rate-limit-hour': '70' };
    const { config } = await loadConfig({ file, env: {}, flags: { ...flags, ...more } });
    expect(config.settings.listen).toMatchObject({ host: '127.0.0.1', port: 9 });
    const { cors, limits } = config.routes[0]?.policies ?? {};
    expect(cors?.origins).toEqual(['https://o.example']);
    expect(limits?.flatMap(({ rate_limit }) => rate_limit.limits).map(({ limit }) => limit)).toEqual([7, 70]);
    expect(config.services['inference']?.targets[0]?.url).toBe('http://i:1');
  });
});

describe('POST /v1/embed', () => {
  test('answers with the vector, the model and the tokens, and tells where the limit stands', async () => {
    const { status, body, headers } = await embed(API_KEY);
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(['embedding', 'model', 'usage']);
    expect(body['embedding']).toHaveLength(768);
    expect(body).toMatchObject({ model, usage: { prompt_tokens: 4, total_tokens: 4 } });
    expect(headers.get('x-ratelimit-limit')).toBe('10');
    expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(0);
  });

  test('is refused without a key and with a wrong one, in words and with a code', async () => {
    const none = await postJson(`${gateway.url}/v1/embed`, { input_text: 'x' });
    expect([none.status, none.body['code']]).toEqual([401, 'MISSING_CREDENTIAL']);
    const wrong = await embed('sk_live_XXXXXXXXX');
    expect([wrong.status, wrong.body['code']]).toEqual([401, 'INVALID_CREDENTIAL']);
    for (const { body } of [none, wrong])
      expect(body).toMatchObject({ error: expect.any(String), detail: expect.any(String) });
  });

  test.each([
    [{ input_text: 7 }, 400, 'VALIDATION_ERROR'],
    [{ text: 'x' }, 400, 'VALIDATION_ERROR'],
    [{ input_text: '' }, 422, 'VALUE_ERROR'],
  ])('%j is %d %s', async (asked, status, code) => {
    const answer = await embed(await gateway.generateKey('careless'), asked);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });

  test('after ten requests a minute answers 429, exactly as the document shows it', async () => {
    const key = await gateway.generateKey('hasty');
    const answers: JsonAnswer[] = [];
    for (let i = 1; i <= 15; i += 1) answers.push(await embed(key, { input_text: 'test' }));
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(200), ...Array(5).fill(429)]);
    const { body, headers } = answers.at(-1) as JsonAnswer;
    const wait = Number(headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(body).toEqual({
      error: 'Rate limit exceeded',
      detail: `Rate limit exceeded: 10 requests per minute. Retry after ${wait} seconds.`,
      code: 'RATE_LIMIT_EXCEEDED',
      retry_after: wait,
      limit: 10,
      limit_type: 'minute',
    });
    expect(headers.get('x-ratelimit-limit')).toBe('10');
    expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(0);
  });

  test('sent twice with one Idempotency-Key runs once', async () => {
    const headers = { ...bearer(API_KEY), 'Idempotency-Key': 'embed-1' };
    const ask = () => postJson(`${gateway.url}/v1/embed`, { input_text: 'once' }, headers);
    const [first, again] = [await ask(), await ask()];
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
  });
});

test('POST /v1/embeddings is the same in the shape of OpenAI', async () => {
  const key = await gateway.generateKey('openai-user');
  const { status, body } = await postJson(`${gateway.url}/v1/embeddings`, { input: ['a', 'b'] }, bearer(key));
  expect(status).toBe(200);
  expect(body).toMatchObject({ object: 'list', model, data: [{ index: 0 }, { index: 1 }] });
});

test('GET /v1/usage counts what the caller asked, beside both limits', async () => {
  const ask = () => getJson(`${gateway.url}/v1/usage`, bearer(API_KEY));
  const before = await ask();
  expect(before.status).toBe(200);
  expect(before.body).toMatchObject({
    user_id: 'dev_user',
    usage: { timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*Z$/) },
    limits: { per_minute: 10, per_hour: 12 },
  });
  expect((await embed(API_KEY)).status).toBe(200);
  const counted = ({ body }: JsonAnswer) => body['usage'] as Record<string, number>;
  const [first, then] = [counted(before), counted(await ask())];
  for (const window of ['requests_last_minute', 'requests_last_hour'])
    expect(then[window]).toBe((first[window] as number) + 1);
});

test('/health tells of the inference service to everybody, and /ready says when requests may come', async () => {
  const health = await until(async () => {
    const { body } = await getJson(`${gateway.url}/health`);
    return (body['inference_service'] as { model?: string }).model && body;
  });
  const inferring = { status: 'healthy', model, device: 'cpu', queue_size: 0, inflight_batches: 0 };
  expect(health).toEqual({
    status: 'healthy',
    gateway_version: expect.stringMatching(/^\d+\./),
    inference_service: inferring,
  });
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
});

test('the metrics have the names of the document beside their own', async () => {
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toMatch(/^api_requests_total [1-9]/m);
  expect(metrics).toMatch(/^request_duration_seconds_count [1-9]/m);
});

test('a page of any origin may call with a key', async () => {
  const asked = { Origin: 'https://page.example', 'Access-Control-Request-Method': 'POST' };
  const res = await fetch(`${gateway.url}/v1/embed`, { method: 'OPTIONS', headers: asked });
  expect([res.status, res.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
});
