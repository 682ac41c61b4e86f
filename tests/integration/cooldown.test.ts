// What becomes of a model at a target that has asked to be left alone.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { asAdmin } from '../support/api-client.ts';
import { type RawResponse, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

/** How a target answers: its status, and its `Retry-After` where it has one. */
type Mood = readonly [status: number, retryAfter?: string];

const SERVICES = ['pair', 'many', 'alone', 'outage', 'capped', 'once', 'off', 'backed'];
const routeTo = (name: string): string =>
  `  - { name: ${name}, match: { path: /${name}/* }, rewrite: { strip_prefix: /${name} }, service: ${name} }`;

let provider: RawUpstream;
let gateway: TestGateway;
/** By name of a target; those not in it answer 200. */
let moods: Record<string, Mood>;
/** `target model` of every request. */
let asked: string[];

beforeAll(async () => {
  provider = await startRawUpstream();
  const targets = (...names: string[]) =>
    `targets: [${names.map((name) => `{ url: "${provider.url}/${name}/v1" }`).join(', ')}]`;
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  pair: { kind: llm, ${targets('p1', 'p2')}, retry: { budget_percent: 0 } }
  many: { kind: llm, ${targets('m1', 'm2', 'm3', 'm4', 'm5')}, retry: { attempts: 2, budget_percent: 0 } }
  alone: { kind: llm, ${targets('a1')}, retry: { attempts: 2, backoff: { initial: 1ms } } }
  outage: { kind: llm, ${targets('o1', 'o2')}, retry: { attempts: 3, backoff: { initial: 1ms } } }
  capped: { kind: llm, ${targets('c1')}, retry: { attempts: 1 }, cooldown: { max: 30s } }
  once: { kind: llm, ${targets('n1', 'n2')}, retry: false }
  off: { kind: llm, ${targets('f1')}, retry: false, cooldown: false }
  backed: { kind: llm, ${targets('b1')}, models: { entries: { big: { unpriced: free, fallbacks: [small] }, small: { unpriced: free } } } }
routes:
${SERVICES.map(routeTo).join('\n')}
`);
});
afterAll(async () => {
  await gateway.close();
  await provider.close();
});

beforeEach(() => {
  moods = {};
  asked = [];
  provider.play(async (call) => {
    await call.received;
    const name = call.request.target.split('/')[1] ?? '';
    const { model } = JSON.parse(call.request.body.toString()) as { model: string };
    asked.push(`${name} ${model}`);
    const [status, retryAfter] = moods[`${name} ${model}`] ?? moods[name] ?? [200];
    const headers = {
      'Content-Type': 'application/json',
      ...(retryAfter !== undefined && { 'Retry-After': retryAfter }),
    };
    await call.answer(status, JSON.stringify(status === 200 ? { choices: [] } : { error: { message: 'no' } }), headers);
  });
});

function ask(service: string, model = 'm'): Promise<RawResponse> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] });
  const head = [`POST /${service}/v1/chat/completions HTTP/1.1`, 'Host: g', `X-API-Key: ${API_KEY}`];
  return sendRaw(
    gateway.url,
    [...head, 'Content-Type: application/json', `Content-Length: ${body.length}`, '', body].join('\r\n'),
  );
}

async function statuses(service: string, count: number, model?: string): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i++) seen.push((await ask(service, model)).status);
  return seen;
}

const callsOf = (name: string): number => asked.filter((each) => each.startsWith(`${name} `)).length;

describe('a model that rests at one target', () => {
  test('is asked elsewhere at once, without a retry budget, and the target is not asked again', async () => {
    moods = { p1: [429, '60'] };
    expect(await statuses('pair', 20)).toEqual(Array.from({ length: 20 }, () => 200));
    expect([callsOf('p1'), callsOf('p2')]).toEqual([1, 20]);
    // Another model is not concerned.
    moods = {};
    expect(await statuses('pair', 2, 'other')).toEqual([200, 200]);
    expect(asked).toContain('p1 other');
  });

  test('is seen by administrators and counted', async () => {
    const views = (await asAdmin(gateway.url)('get', '/admin/services')).body as {
      services: { service: string; targets: { resting?: { model: string; ends_in_ms: number }[] }[] }[];
    };
    const resting = views.services.find(({ service }) => service === 'pair')?.targets.map((each) => each.resting);
    expect(resting).toEqual([[{ model: 'm', ends_in_ms: expect.any(Number) }], undefined]);
    expect(await gateway.metrics()).toMatch(/gateway_cooldowns_total\{service="pair",target="[^"]+"\} 1\n/);
  });
});

test('however many targets rest, one that does not is found, whatever `attempts` says', async () => {
  moods = { m1: [429], m2: [503, '20'], m3: [429, '20'], m4: [529, '20'] };
  expect(await statuses('many', 10)).toEqual(Array.from({ length: 10 }, () => 200));
  expect(asked.length).toBeLessThanOrEqual(10 + 4);
  expect(callsOf('m5')).toBe(10);
});

test('only when all rest is it 429, with the time until the first is back', async () => {
  moods = { n1: [429, '50'], n2: [429, '20'] };
  // Without retries each request asks one target.
  const told = [await ask('once'), await ask('once')].map(({ status, headers }) => [
    status,
    headers.get('retry-after'),
  ]);
  expect(told).toEqual([
    [429, '50'],
    [429, '20'],
  ]);
  const refused = await ask('once');
  expect([refused.status, asked.length]).toEqual([429, 2]);
  expect(refused.headers.get('retry-after')).toMatch(/^(19|20)$/);
  expect(refused.text).toContain('UPSTREAM_RATE_LIMITED');
});

test('a target that is alone rests when it says how long, no longer than allowed, and is asked again when it does not', async () => {
  moods = { a1: [429], c1: [429, '3000'], f1: [429, '3000'] };
  expect(await statuses('alone', 3)).toEqual([429, 429, 429]);
  expect(callsOf('a1')).toBe(3);
  expect(await statuses('capped', 2)).toEqual([429, 429]);
  expect(callsOf('c1')).toBe(1);
  expect(Number((await ask('capped')).headers.get('retry-after'))).toBeLessThanOrEqual(30);
  expect(await statuses('off', 3)).toEqual([429, 429, 429]);
  expect(callsOf('f1')).toBe(3);
});

test('an outage that names no time does not take the last target away', async () => {
  moods = { o1: [503], o2: [503] };
  expect(await statuses('outage', 3)).toEqual([503, 503, 503]);
  moods = {};
  expect(await statuses('outage', 3)).toEqual([200, 200, 200]);
});

test('a model that rests is answered by its fallback, and costs one attempt', async () => {
  moods = { 'b1 big': [429, '60'] };
  expect(await statuses('backed', 10, 'big')).toEqual(Array.from({ length: 10 }, () => 200));
  expect(asked).toEqual(['b1 big', ...Array.from({ length: 10 }, () => 'b1 small')]);
});
