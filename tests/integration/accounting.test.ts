// What answers of every kind cost, from the words of the provider to header, record and report.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { asAdmin } from '../support/api-client.ts';
import { until } from '../support/poll.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { runTurnpike } from '../support/turnpike-command.ts';

const hashOf = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;
let provider: RawUpstream;
let gateway: TestGateway;
let answered: object;

beforeAll(async () => {
  provider = await startRawUpstream(async (call) => {
    await call.received;
    await call.answer(200, JSON.stringify(answered), { 'Content-Type': 'application/json' });
  });
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
tiers: { held: { budget: { cost_usd: 0.1, every: request } } }
consumers:
  - { id: ada, keys: [{ hash: "${hashOf('ada')}" }] }
  - { id: held, tier: held, keys: [{ hash: "${hashOf('held')}" }] }
services:
  ai:
    kind: llm
    url: "${provider.url}/v1"
    models:
      cost_header: true
      entries:
        gpt-5: {}
        claude: { upstream_name: claude-sonnet-4-5-20250929 }
        dall-e: { price: { per_item: 0.04 } }
        whisper-1: {}
        tts-1: {}
        gpt-image-1: {}
        gpt-4o: {}
        rerank-v3.5: {}
  told:
    kind: llm
    url: "${provider.url}/v1"
    models: { told_cost: prefer, cost_header: true, entries: { gpt-4o: {} } }
routes:
  - { name: ai, match: { path: /ai/* }, rewrite: { strip_prefix: /ai }, service: ai }
  - { name: told, match: { path: /told/* }, rewrite: { strip_prefix: /told }, service: told }
`);
});
afterAll(async () => {
  await gateway.close();
  await provider.close();
});

const MESSAGES = [{ role: 'user', content: 'hi' }];

async function ask(path: string, body: object | FormData, answer: object, key = 'ada') {
  answered = answer;
  const isForm = body instanceof FormData;
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'X-API-Key': key, ...(!isForm && { 'Content-Type': 'application/json' }) },
    body: isForm ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, cost: response.headers.get('x-gateway-cost'), text };
}

function recording(bytes: number): FormData {
  const form = new FormData();
  form.set('file', new Blob([Buffer.alloc(bytes)]), 'a.wav');
  form.set('model', 'whisper-1');
  return form;
}

describe('an answer says in its header what it cost, by the price list and the provider’s own figures', () => {
  const chat = { model: 'gpt-5', messages: MESSAGES };
  const cached = { prompt_tokens: 4814, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 4736 } };
  const claude = {
    input_tokens: 100,
    cache_read_input_tokens: 100_000,
    cache_creation_input_tokens: 0,
    output_tokens: 10,
  };

  test.each<[string, string, () => object, object, string]>([
    ['cached input', '/ai/v1/chat/completions', () => chat, { choices: [], usage: cached }, '0.0007895'],
    [
      'a service tier',
      '/ai/v1/chat/completions',
      () => ({ ...chat, service_tier: 'flex' }),
      { choices: [], usage: cached, service_tier: 'flex' },
      '0.00039475',
    ],
    [
      'a dated name',
      '/ai/v1/messages',
      () => ({ model: 'claude', max_tokens: 9, messages: MESSAGES }),
      {
        id: 'm',
        object: 'chat.completion',
        choices: [{ index: 0, message: { content: 'x' }, finish_reason: 'stop' }],
        usage: claude,
      },
      '0.03045',
    ],
    [
      'images by the piece',
      '/ai/v1/images/generations',
      () => ({ model: 'dall-e', prompt: 'x', n: 3 }),
      { data: [] },
      '0.12',
    ],
    [
      'images by tokens',
      '/ai/v1/images/generations',
      () => ({ model: 'gpt-image-1', prompt: 'x' }),
      { data: [], usage: { input_tokens: 10, output_tokens: 1000, total_tokens: 1010 } },
      '0.04005',
    ],
    [
      'images nobody counted',
      '/ai/v1/images/generations',
      () => ({ model: 'gpt-image-1', prompt: 'xxxx' }),
      { data: [] },
      '0.24961',
    ],
    [
      'seconds that are told',
      '/ai/v1/audio/transcriptions',
      () => recording(40_000),
      { text: 'x', usage: { type: 'duration', seconds: 61 } },
      '0.0061',
    ],
    ['seconds that are guessed', '/ai/v1/audio/transcriptions', () => recording(40_000), { text: 'x' }, '0.001'],
    [
      'characters',
      '/ai/v1/audio/speech',
      () => ({ model: 'tts-1', input: 'x'.repeat(1_000), voice: 'v' }),
      {},
      '0.015',
    ],
    [
      'searches',
      '/ai/v1/rerank',
      () => ({ model: 'rerank-v3.5', query: 'x', documents: ['y'] }),
      { results: [] },
      '0.002',
    ],
    [
      'the provider’s own word',
      '/told/v1/chat/completions',
      () => ({ model: 'gpt-4o', messages: MESSAGES }),
      { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, cost: 0.00014 } },
      '0.00014',
    ],
  ])('%s', async (_, path, body, answer, cost) => {
    expect(await ask(path, body() as object, answer)).toMatchObject({ status: 200, cost });
  });

  test('and records and reports say the same', async () => {
    const { reader } = gateway.deps.database;
    await until(async () => (await reader('usage_records')).length >= 11, { what: 'the records have arrived' });
    const records = await reader('usage_records').where({ consumer: 'ada', model: 'gpt-5' }).orderBy('settled_at');
    expect(records[0]).toMatchObject({
      input_tokens: 4814,
      output_tokens: 10,
      cached_tokens: 4736,
      cost_nano_usd: 789_500,
      price_version: '2025-11-01',
    });
    const admin = asAdmin(gateway.url)('get', '/admin/usage?group_by=consumer').set('X-Master-Key', MASTER_KEY);
    const { items } = (await admin.expect(200)).body as { items: Record<string, number>[] };
    const nano =
      789_500 +
      394_750 +
      30_450_000 +
      120_000_000 +
      40_050_000 +
      249_610_000 +
      6_100_000 +
      1_000_000 +
      15_000_000 +
      2_000_000 +
      140_000;
    expect(items[0]).toMatchObject({ cached_tokens: 4736 * 2 + 100_000, cost_usd: nano / 1e9 });
    expect(await gateway.metrics()).toContain('gateway_tokens_by_kind_total{model="gpt-5",kind="cached_read"} 9472');
  });
});

describe('what a request may come to is estimated by what media cost, and not by the length of their base64', () => {
  const picture = 'iVBOR'.repeat(140_000);
  const parts = {
    chat: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } }],
    responses: [{ role: 'user', content: [{ type: 'input_image', image_url: `data:image/png;base64,${picture}` }] }],
    messages: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: picture } }],
  };

  test.each<[string, object, number]>([
    ['/ai/v1/chat/completions', { model: 'gpt-5', messages: [{ role: 'user', content: parts.chat }] }, 200],
    ['/ai/v1/responses', { model: 'gpt-5', input: parts.responses }, 200],
    ['/ai/v1/messages', { model: 'gpt-5', max_tokens: 9, messages: [{ role: 'user', content: parts.messages }] }, 200],
    ['/ai/v1/chat/completions', { model: 'gpt-5', messages: [{ role: 'user', content: picture }] }, 422],
  ])('%s', async (path, body, status) => {
    const answer = {
      object: 'chat.completion',
      choices: [{ index: 0, message: { content: 'x' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1049, completion_tokens: 1 },
    };
    expect((await ask(path, body, answer, 'held')).status).toBe(status);
  });
});

test('a newer price list is shown as differences, written on demand and used from then on', async () => {
  const folder = makeTempDir('prices');
  const api = {
    openai: {
      models: {
        'gpt-5': { cost: { input: 1, output: 8, cache_read: 0.1, tiers: [{ tier: { size: 272_000 }, input: 2 }] } },
        'gpt-9': { cost: { input: 7, output: 70 } },
      },
    },
    reseller: { models: { 'gpt-5': { cost: { input: 99, output: 99 } } } },
  };
  const server = createServer((_, res) => res.end(JSON.stringify(api))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const config = (list: string): string =>
      `${list}services: { ai: { kind: llm, url: "http://127.0.0.1:9", models: { entries: { gpt-9: { unpriced: free } } } } }\n`;
    writeFileSync(join(folder, 'gateway_config.yaml'), config(''));
    const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api.json`;
    const [shown, missing] = await Promise.all([
      runTurnpike(['models', 'update', source], folder),
      runTurnpike(['models', 'update', 'nowhere.json'], folder),
    ]);
    expect(missing).toMatchObject({ exit: 1, stderr: expect.stringContaining('nowhere.json cannot be used') });
    expect(shown.stdout).toContain('~ gpt-5: ');
    expect(shown.stdout).toContain('+ gpt-9: input_per_million 7, output_per_million 70\n');
    expect(shown.stdout).toContain('Nothing was written.');
    const written = await runTurnpike(['models', 'update', source, '--to', 'prices.json', '--yes'], folder);
    expect(written).toMatchObject({ exit: 0 });
    const listed = 'settings: { price_list: prices.json }\n';
    writeFileSync(join(folder, 'gateway_config.yaml'), config(listed).replace('{ unpriced: free }', '{}'));
    expect(await runTurnpike(['validate'], folder)).toMatchObject({ exit: 0 });
  } finally {
    server.close();
    removeTempDir(folder);
  }
}, 60_000);
