// A provider that misbehaves, and tenants who are curious about each other, behind one gateway.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { connectRaw, type RawResponse, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const UPSTREAM_KEY = 'sk-canary-of-the-operator-0123456789';
const JSON_TYPE = { 'Content-Type': 'application/json' };

let provider: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  provider = await startRawUpstream();
  const target = (name: string) =>
    `targets: [{ url: "${provider.url}/v1", api_key: "\${UPSTREAM_KEY}", provider: ${name} }]`;
  gateway = await startTestGateway(
    `
settings: { ${QUICK_SHUTDOWN} }
consumers:
  - { id: ada, keys: [{ hash: "${hashOf('ada')}" }, { hash: "${hashOf('ada-narrow')}", models: [other] }] }
  - { id: bob, keys: [{ hash: "${hashOf('bob')}" }] }
services:
  plain: { kind: llm, ${target('openai')}, retry: false, circuit_breaker: false, idempotency: true }
  foreign: { kind: llm, ${target('anthropic')}, retry: false, circuit_breaker: false }
routes:
  - { name: plain, match: { path: "/plain/*" }, rewrite: { strip_prefix: /plain }, service: plain }
  - { name: foreign, match: { path: "/foreign/*" }, rewrite: { strip_prefix: /foreign }, service: foreign }
`,
    { env: { UPSTREAM_KEY } },
  );
});
afterAll(async () => {
  await gateway.close();
  await provider.close();
});

function hashOf(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

function request(target: string, body: object, { key = 'ada', more = [] as string[] } = {}): string {
  const text = JSON.stringify(body);
  const head = [`POST ${target} HTTP/1.1`, 'Host: g', `X-API-Key: ${key}`, 'Content-Type: application/json', ...more];
  return [...head, `Content-Length: ${Buffer.byteLength(text)}`, '', text].join('\r\n');
}

const CHAT = { model: 'm', messages: [{ role: 'user', content: 'canary of a prompt' }] };

async function ask(script: Script, target: string, options?: Parameters<typeof request>[2]): Promise<RawResponse> {
  provider.play(script);
  return sendRaw(gateway.url, request(target, CHAT, options));
}

const saying =
  (text: string): Script =>
  (call) =>
    call.received.then(() => call.answer(200, JSON.stringify({ text }), JSON_TYPE));

describe('what a provider says of the operator’s key does not reach the client', () => {
  const quoting = JSON.stringify({ error: { message: `Quota of key ${UPSTREAM_KEY} is used up`, type: 'x' } });

  test.each([
    [429, '/plain/v1/chat/completions'],
    [400, '/plain/v1/chat/completions'],
    [500, '/plain/v1/audio/speech'],
    [400, '/foreign/v1/chat/completions'],
  ])('with status %i at %s', async (status, target) => {
    const answer = await ask((call) => call.received.then(() => call.answer(status, quoting, JSON_TYPE)), target);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain('Quota of key');
    expect(answer.text).not.toContain(UPSTREAM_KEY);
    expect(answer.isComplete).toBe(true);
  });

  test('in two pieces', async () => {
    const cut = quoting.indexOf(UPSTREAM_KEY) + 10;
    const answer = await ask(async (call) => {
      await call.received;
      await call.write(
        `HTTP/1.1 400 No\r\nContent-Type: application/json\r\nContent-Length: ${quoting.length}\r\n\r\n`,
      );
      await call.write(quoting.slice(0, cut));
      setTimeout(() => void call.write(quoting.slice(cut)), 20);
    }, '/plain/v1/chat/completions');
    expect(answer.body).toHaveLength(quoting.length);
    expect(answer.text).not.toContain(UPSTREAM_KEY);
  });

  test('inside a stream that is translated', async () => {
    const event = { type: 'error', error: { type: 'x', message: `Quota of key ${UPSTREAM_KEY}` } };
    const stream = `event: error\ndata: ${JSON.stringify(event)}\n\n`;
    provider.play(async (call) => {
      await call.received;
      await call.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${stream}`);
    });
    const answer = await sendRaw(gateway.url, request('/foreign/v1/chat/completions', { ...CHAT, stream: true }));
    expect(answer.text).toContain('Quota of key');
    expect(answer.text).not.toContain(UPSTREAM_KEY);
  });
});

describe('whoever leaves early is charged', () => {
  const created = {
    type: 'response.created',
    response: { tools: [{ usage: { input_tokens: 0, output_tokens: 0 } }], usage: null },
  };
  const delta = { type: 'response.output_text.delta', delta: 'x'.repeat(400) };
  const event = (data: { type: string }): string => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

  test('even where the stream repeats figures that the client made up', async () => {
    provider.play(async (call) => {
      await call.received;
      await call.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
      await call.write(event(created) + event(delta));
    });
    const client = await connectRaw(gateway.url);
    await client.send(request('/plain/v1/responses', { model: 'm', input: 'hello', stream: true }));
    await client.readThrough('xxxx');
    client.destroy();
    const logged = () =>
      gateway.logged.find(({ path, outcome }) => path === '/plain/v1/responses' && outcome === 'client_aborted');
    await until(logged);
    expect(logged()).toMatchObject({ tokens_out: 100, tokens_estimated: true });
  });
});

describe('figures that no answer can have used', () => {
  test('do not count, and usage can still be read', async () => {
    const usage = { prompt_tokens: Number.MAX_SAFE_INTEGER, completion_tokens: Number.MAX_SAFE_INTEGER };
    const body = JSON.stringify({ choices: [], usage });
    await ask((call) => call.received.then(() => call.answer(200, body, JSON_TYPE)), '/plain/v1/chat/completions');
    const own = await sendRaw(gateway.url, 'GET /v1/usage HTTP/1.1\r\nHost: g\r\nX-API-Key: ada\r\n\r\n');
    expect(JSON.parse(own.text).tokens.today.input).toBeLessThan(10_000);
  });
});

describe('an answer that was kept for an Idempotency-Key', () => {
  const more = ['Idempotency-Key: order-1'];
  test('is given to nobody else, and not to who may no longer ask for it', async () => {
    const target = '/plain/v1/chat/completions';
    expect((await ask(saying('for ada'), target, { more })).text).toContain('for ada');
    const again = await ask(saying('anew'), target, { more });
    expect([again.headers.get('idempotency-replayed'), again.text.includes('for ada')]).toEqual(['true', true]);
    expect((await ask(saying('for bob'), target, { more, key: 'bob' })).text).toContain('for bob');
    expect((await ask(saying('anew'), target, { more, key: 'ada-narrow' })).status).toBe(403);
    expect((await ask(saying('anew'), target, { more, key: 'unknown' })).status).toBe(401);
    expect((await ask(saying('anew'), `${target}?x=1`, { more })).status).toBe(422);
    expect((await ask(saying('anew'), '/plain/v1/completions', { more })).status).toBe(422);
  });
});

/**
 * How many ask at once. Each key is claimed by a write of its own that waits for the disk, and a claim that has waited
 * for a second is refused: where other suites run beside, that is too short for hundreds of them.
 */
const AT_ONCE = 25;
/** A thousand requests take their time where other suites run beside. */
const PATIENTLY = { timeoutMs: 20_000 };

test('who asks and leaves does not take all connections to the provider with it', async () => {
  provider.play((call) => call.received);
  const before = provider.requests.length;
  for (let asked = 0; asked < 1_025; asked += AT_ONCE) {
    const clients = await Promise.all(Array.from({ length: AT_ONCE }, () => connectRaw(gateway.url)));
    const askOf = (i: number) =>
      request('/plain/v1/chat/completions', CHAT, { more: [`Idempotency-Key: left-${asked + i}`] });
    await Promise.all(clients.map((client, i) => client.send(askOf(i))));
    await until(() => provider.requests.length === before + asked + AT_ONCE, PATIENTLY);
    for (const client of clients) client.destroy();
  }
  const { running } = gateway.gateway;
  await until(() => running.size === 1_000, PATIENTLY);
  for (const { socket } of provider.connections) socket.destroy();
  await until(() => running.size === 0, PATIENTLY);
}, 60_000);

test('nothing of a prompt or of the operator’s key is in the log or in what the journal wrote', async () => {
  const log = JSON.stringify(gateway.logged);
  expect(log).not.toContain('canary of a prompt');
  expect(log).not.toContain(UPSTREAM_KEY);
});
