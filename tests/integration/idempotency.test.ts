// An Idempotency-Key against whole gateways: what reaches the upstream, and what comes back.
import { hash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { connectRaw, type RawResponse, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { describeWithPostgres, describeWithRedis } from '../support/server-suite.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const OTHER_KEY = 'sk_test_key_of_another_consumer';

let upstream: RawUpstream;
/** With SQLite. */
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream();
  gateway = await start();
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => upstream.play(answerOk));

function start(env: Record<string, string> = {}): Promise<TestGateway> {
  return startTestGateway(
    `
settings: { ${QUICK_SHUTDOWN} }
consumers: [{ id: other, keys: [{ hash: "sha256:${hash('sha256', OTHER_KEY)}" }] }]
services:
  shop: { url: "${upstream.url}", idempotency: { max_recorded_bytes: 2KiB }, rate_limit: 10000, retry: false }
  plain: { url: "${upstream.url}" }
  chat: { kind: llm, url: "${upstream.url}/v1", idempotency: true }
`,
    { env },
  );
}

interface Asked {
  readonly key?: string | undefined;
  readonly body?: string;
  readonly path?: string;
  readonly type?: string;
  readonly method?: string;
  readonly as?: string;
}

function requestOf({ key, body = '{}', path = '/shop/orders', type = 'application/json', ...rest }: Asked): string {
  const { method = 'POST', as = API_KEY } = rest;
  const keyLine = key === undefined ? '' : `Idempotency-Key: ${key}\r\n`;
  const lines = `Host: g\r\nX-API-Key: ${as}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n${keyLine}`;
  return `${method} ${path} HTTP/1.1\r\n${lines}\r\n${body}`;
}

function ask(gateway: TestGateway, asked: Asked): Promise<RawResponse> {
  return sendRaw(gateway.url, requestOf(asked));
}

const codeOf = ({ text }: RawResponse): unknown => (JSON.parse(text) as { code: unknown }).code;

/** Counts the requests that come to the upstream from now on. */
function countCalls(): () => number {
  const before = upstream.requests.length;
  return () => upstream.requests.length - before;
}

/** Answers with this, whatever is asked. */
function answering(status: number, body: string | Buffer = 'x', headers: Record<string, string> = {}): Script {
  return async (call) => {
    await call.received;
    await call.answer(status, body, headers);
  };
}

describe('a repeated request', () => {
  test('gets status, headers and body of the first, under its own id, and pays as one request', async () => {
    const [calls, key] = [countCalls(), randomUUID()];
    const body = Buffer.from([0, 255, 13, 10, 128]);
    upstream.play(answering(201, body, { 'Content-Type': 'image/x', ETag: '"1"', 'X-A': 'b', Date: 'then' }));
    const [first, again] = [await ask(gateway, { key }), await ask(gateway, { key })];
    expect(first.headers.get('idempotency-replayed')).toBeUndefined();
    expect([again.status, again.body]).toEqual([201, body]);
    const told = Object.fromEntries(
      ['content-type', 'etag', 'x-a', 'content-length', 'idempotency-replayed'].map((n) => [n, again.headers.get(n)]),
    );
    expect(told).toEqual({
      'content-type': 'image/x',
      etag: '"1"',
      'x-a': 'b',
      'content-length': '5',
      'idempotency-replayed': 'true',
    });
    expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    expect(again.headers.get('date')).not.toBe('then');
    const left = [first, again].map(({ headers }) => Number(headers.get('x-ratelimit-remaining')));
    expect(left[1]).toBe((left[0] as number) - 1);
    expect(calls()).toBe(1);
  });

  test('is refused with 422 when anything of it differs, and the key of another consumer is another key', async () => {
    const [calls, key] = [countCalls(), randomUUID()];
    expect((await ask(gateway, { key })).status).toBe(200);
    for (const other of [{ body: '[]' }, { path: '/shop/orders?x' }, { type: 'text/plain' }, { path: '/shop/b' }]) {
      const answer = await ask(gateway, { key, ...other });
      expect([answer.status, codeOf(answer)]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
    }
    expect(calls()).toBe(1);
    const stranger = await ask(gateway, { key, as: OTHER_KEY });
    expect([stranger.status, stranger.headers.get('idempotency-replayed')]).toEqual([200, undefined]);
    expect(calls()).toBe(2);
  });

  test('is refused with 409 and Retry-After while the first runs, and gets its answer afterwards', async () => {
    const [calls, key] = [countCalls(), randomUUID()];
    const gate = Promise.withResolvers<void>();
    upstream.play(async (call) => {
      await gate.promise;
      await call.answer(200, 'done');
    });
    const first = ask(gateway, { key });
    await until(() => calls() === 1);
    const early = await ask(gateway, { key });
    expect([early.status, codeOf(early), early.headers.get('retry-after')]).toEqual([
      409,
      'IDEMPOTENCY_IN_PROGRESS',
      '1',
    ]);
    expect((await ask(gateway, { key, body: '[]' })).status).toBe(422);
    gate.resolve();
    expect((await first).text).toBe('done');
    expect((await ask(gateway, { key })).text).toBe('done');
    expect(calls()).toBe(1);
  });

  test.each([500, 503, 429, 408])('runs again after %d, because that was no final answer', async (status) => {
    const [calls, key] = [countCalls(), randomUUID()];
    upstream.play(answering(status));
    expect((await ask(gateway, { key })).status).toBe(status);
    upstream.play(answerOk);
    expect((await ask(gateway, { key })).text).toBe('ok');
    expect(calls()).toBe(2);
  });

  test('gets a 404 again, because a repetition would', async () => {
    const [calls, key] = [countCalls(), randomUUID()];
    upstream.play(answering(404, 'none'));
    await ask(gateway, { key });
    upstream.play(answerOk);
    expect(await ask(gateway, { key })).toMatchObject({ status: 404, text: 'none' });
    expect(calls()).toBe(1);
  });

  test('runs again after a refusal of the gateway and after an answer that broke off', async () => {
    const key = randomUUID();
    upstream.play((call) => call.reset());
    expect((await ask(gateway, { key })).status).toBe(502);
    upstream.play(async (call) => {
      await call.received;
      await call.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
      call.reset();
    });
    expect((await ask(gateway, { key })).isComplete).toBe(false);
    upstream.play(answerOk);
    expect((await ask(gateway, { key })).text).toBe('ok');
  });

  test('gets a stream as one body of the same type', async () => {
    const [calls, key] = [countCalls(), randomUUID()];
    upstream.play(async (call) => {
      await call.received;
      await call.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (const event of ['data: a\n\n', 'data: b\n\n']) await call.write(`9\r\n${event}\r\n`);
      await call.write('0\r\n\r\n');
    });
    await ask(gateway, { key });
    const again = await ask(gateway, { key });
    expect(again.text).toBe('data: a\n\ndata: b\n\n');
    expect(again.headers.get('content-type')).toBe('text/event-stream');
    expect(again.headers.get('content-length')).toBe('18');
    expect(calls()).toBe(1);
  });

  test('to a model gets the stream as its client saw it, from the model that answered, and uses nothing', async () => {
    const [calls, key] = [countCalls(), randomUUID()];
    const events = ['{"choices":[{"delta":{"content":"Hi"}}]}', '{"choices":[],"usage":{"prompt_tokens":1}}', '[DONE]'];
    upstream.play(async (call) => {
      await call.received;
      const body = events.map((event) => `data: ${event}\n\n`).join('');
      await call.answer(200, body, { 'Content-Type': 'text/event-stream' });
    });
    const body = '{"model":"gpt-4","stream":true,"messages":[{"role":"user","content":"Hello"}]}';
    const asked = { key, body, path: '/v1/chat/completions' };
    const [first, again] = [await ask(gateway, asked), await ask(gateway, asked)];
    expect(first.text).toContain('Hi');
    expect([again.text, again.headers.get('x-gateway-model')]).toEqual([first.text, 'gpt-4']);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(calls()).toBe(1);
    const tokens = await until(() => {
      const lines = gateway.logged.filter(({ path }) => path === asked.path);
      return lines.length === 2 && lines.map((line) => line['tokens_in']);
    });
    expect(tokens).toEqual([1, undefined]);
  });

  test('is told with 409 that a long answer was not kept, and does not run again', async () => {
    const [calls, key] = [countCalls(), randomUUID()];
    upstream.play(answering(200, 'x'.repeat(2049)));
    expect((await ask(gateway, { key })).body).toHaveLength(2049);
    const again = await ask(gateway, { key });
    expect([again.status, codeOf(again), again.headers.get('x-should-retry')]).toEqual([409, 'CONFLICT', 'false']);
    expect(calls()).toBe(1);
  });

  test('gets the answer that its first client did not wait for', async () => {
    const [calls, key] = [countCalls(), randomUUID()];
    const gate = Promise.withResolvers<void>();
    upstream.play(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
      await gate.promise;
      await call.write('half');
    });
    const client = await connectRaw(gateway.url);
    await client.send(requestOf({ key }));
    await client.readThrough('half');
    client.reset();
    const gone = await until(() => [...gateway.gateway.running.list()].find(({ isDetached }) => isDetached));
    expect((await ask(gateway, { key })).status).toBe(409);
    gate.resolve();
    await until(() => !gateway.gateway.running.list().includes(gone));
    expect((await ask(gateway, { key })).text).toBe('halfhalf');
    expect(calls()).toBe(1);
  });

  test('is told so too when nobody waited for an answer that is too long, and the upstream is left then', async () => {
    const key = randomUUID();
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    upstream.play(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n');
      await until(() => gateway.gateway.running.list().some(({ isDetached }) => isDetached));
      await call.write(`data: ${'x'.repeat(2_048)}\n\n`);
      await call.request.connection.closed;
      leave();
    });
    const client = await connectRaw(gateway.url);
    await client.send(requestOf({ key }));
    await client.readThrough('first');
    client.reset();
    await left;
    await until(() => gateway.gateway.running.size === 0);
    const again = await ask(gateway, { key });
    expect([again.status, codeOf(again)]).toEqual([409, 'CONFLICT']);
  });
});

describe('an Idempotency-Key', () => {
  test.each(['', 'x'.repeat(256), 'caf\u00e9', 'a\tb'])('%j is 400', async (key) => {
    const calls = countCalls();
    expect(codeOf(await ask(gateway, { key }))).toBe('INVALID_HEADER');
    expect(calls()).toBe(0);
  });

  test.each([
    ['without a key', {}],
    ['of another method', { method: 'PUT', key: 'put' }],
    ['of a service without idempotency', { path: '/plain/x', key: 'plain' }],
  ])('a request %s runs as often as it comes', async (_what, asked: Asked) => {
    const calls = countCalls();
    for (let n = 0; n < 2; n++) expect((await ask(gateway, asked)).headers.get('idempotency-replayed')).toBeUndefined();
    expect(calls()).toBe(2);
  });

  test('is stored as a digest, and neither it nor the answer is logged', async () => {
    const key = `key-${randomUUID()}`;
    upstream.play(answering(200, 'secret-answer'));
    await ask(gateway, { key });
    await ask(gateway, { key });
    const rows: { key: string; fingerprint: string }[] = await gateway.deps.database.reader('idempotency_keys');
    for (const row of rows) expect(row.key + row.fingerprint).toMatch(/^[0-9a-f]{16}\.[0-9a-f]{128}$/);
    expect(JSON.stringify(gateway.logged)).not.toMatch(new RegExp(`${key}|secret-answer`));
  });
});

/** Ten at once, over two gateways that share the store. */
async function askTenTimes(gateways: readonly TestGateway[]): Promise<RawResponse[]> {
  const key = randomUUID();
  return Promise.all(Array.from({ length: 10 }, (_, i) => ask(gateways[i % gateways.length] as TestGateway, { key })));
}

async function expectOneCall(gateways: readonly TestGateway[]): Promise<void> {
  const calls = countCalls();
  const gate = Promise.withResolvers<void>();
  upstream.play(async (call) => {
    await gate.promise;
    await call.answer(200, 'once');
  });
  const asked = askTenTimes(gateways);
  await until(() => calls() > 0);
  await until(() => gateways.reduce((running, { gateway }) => running + gateway.running.size, 0) === 1);
  gate.resolve();
  const statuses = (await asked).map(({ status }) => status).toSorted((one, other) => one - other);
  expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
  expect(calls()).toBe(1);
}

test('of ten parallel requests with one key one reaches the upstream, with SQLite', () => expectOneCall([gateway]));

describeWithPostgres('with PostgreSQL', (postgres) => {
  test('of ten parallel requests at two gateways one reaches the upstream', async () => {
    const env = { DATABASE_URL: await postgres().createDatabase() };
    const gateways = [await start(env), await start(env)];
    try {
      await expectOneCall(gateways);
    } finally {
      for (const gateway of gateways) await gateway.close();
    }
  });
});

describeWithRedis(
  'with Redis',
  (redis) => {
    let gateways: TestGateway[];
    beforeAll(async () => {
      gateways = [await start({ REDIS_ANSWERS_URL: redis().url }), await start({ REDIS_ANSWERS_URL: redis().url })];
    });
    afterAll(async () => {
      for (const gateway of gateways) await gateway.close();
    });

    test('of ten parallel requests at two gateways one reaches the upstream', () => expectOneCall(gateways));

    test('what one gateway answered the other gives again', async () => {
      const [one, other] = gateways as [TestGateway, TestGateway];
      const [calls, key] = [countCalls(), randomUUID()];
      await ask(one, { key });
      const again = await until(async () => {
        const answer = await ask(other, { key });
        return answer.status === 200 && answer;
      });
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      expect(calls()).toBe(1);
    });

    test('while Redis is away a request with a key is refused, and one without is served', async () => {
      const [one] = gateways as [TestGateway];
      redis().pause();
      try {
        const calls = countCalls();
        const refused = await ask(one, { key: randomUUID() });
        expect([refused.status, codeOf(refused), calls()]).toEqual([503, 'STORE_UNAVAILABLE', 0]);
        expect((await ask(one, {})).status).toBe(200);
        expect(one.deps.degradations.list()).toContain('idempotency_store_down');
      } finally {
        redis().resume();
      }
    });
  },
  { own: true },
);
