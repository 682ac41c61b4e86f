import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  DONE,
  endStream,
  lastBody,
  openStream,
  pausing,
  ROLE,
  sendPiece,
  STOP,
  streaming,
  USAGE,
  WORD,
} from '../support/event-stream.ts';
import { until } from '../support/poll.ts';
import { connectRaw, type RawConnection, type RawResponse, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream();
  const route = (name: string, fields: string): string =>
    `  - { name: ${name}, match: { path: /${name}/* }, rewrite: { strip_prefix: /${name} }, service: chat, ${fields} }`;
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN}, metrics: { compat: [ai_gateway, api] } }
services:
  chat:
    kind: llm
    url: "${upstream.url}/v1"
    retry: false
    circuit_breaker: false
    models: { entries: { gpt-4: { price: { input_per_million: 1, output_per_million: 2 } } } }
  claude: { kind: llm, targets: [{ url: "${upstream.url}/v1", provider: anthropic }], retry: false }
routes:
  - { name: claude, match: { path: /claude/* }, rewrite: { strip_prefix: /claude }, service: claude }
${route('plain', 'stream: { keep_alive: 1h }')}
${route('alive', 'stream: { keep_alive: 40ms }')}
${route('drained', 'stream: { on_client_abort: drain }')}
${route('kept', 'idempotency: true')}
${route('enveloped', 'dialect: envelope')}
${route('hurried', 'timeout: { first_byte_streamed: 60ms }')}
`);
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

function requestFor(route: string, fields: object = {}, headers = ''): string {
  const body = JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'hello' }], ...fields });
  return (
    `POST /${route}/v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nX-Api-Key: ${API_KEY}\r\n${headers}` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

/** Of a streaming call unless `fields` say otherwise. */
function ask(script: Script, route = 'plain', fields: object = { stream: true }): Promise<RawResponse> {
  upstream.play(script);
  return sendRaw(gateway.url, requestFor(route, fields));
}

async function open(script: Script, route: string, headers = ''): Promise<RawConnection> {
  upstream.play(script);
  const connection = await connectRaw(gateway.url);
  await connection.send(requestFor(route, { stream: true }, headers));
  return connection;
}

/** The access log's line of the request that ended last; `count` is how many lines there were before. */
async function lineAfter(count: number): Promise<Record<string, unknown>> {
  const lines = () => gateway.logged.filter(({ msg }) => msg === 'request');
  await until(() => lines().length > count);
  return lines().at(-1) as Record<string, unknown>;
}

const lineCount = (): number => gateway.logged.filter(({ msg }) => msg === 'request').length;

describe('bytes', () => {
  test('pass as they came where the client asked for usage itself', async () => {
    const stream = [ROLE, ': a comment\n\n', WORD, 'data: {"choices":[{"delta":\n\n', STOP, USAGE, DONE];
    const answer = await ask(streaming(...stream), 'plain', { stream: true, stream_options: { include_usage: true } });
    expect(answer.text).toBe(stream.join(''));
    expect(answer.headers.get('x-accel-buffering')).toBe('no');
    expect(answer.isComplete).toBe(true);
  });

  test('usage is asked for on behalf of a client that did not, and its event is kept from it', async () => {
    const before = lineCount();
    const answer = await ask(streaming(ROLE, WORD, STOP, USAGE, DONE));
    expect(lastBody(upstream)).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(answer.text).toBe([ROLE, WORD, STOP, DONE].join(''));
    expect(await lineAfter(before)).toMatchObject({
      model: 'gpt-4',
      outcome: 'completed',
      tokens_in: 7,
      tokens_out: 11,
      tokens_estimated: false,
      cost_usd: 0.000029,
      first_token_ms: expect.any(Number),
    });
  });

  test('an event leaves when it has come, not when the next one does', async () => {
    const { script, release } = pausing([ROLE, WORD], [STOP, DONE]);
    const connection = await open(script, 'plain');
    expect(await connection.readThrough('"word"},"finish_reason":null}]}\n\n')).toContain('200 OK');
    release();
    await connection.readThrough('[DONE]\n\n\r\n0\r\n\r\n');
    connection.destroy();
  });

  test('an event of a megabyte passes', async () => {
    const long = `data: {"padding":"${'x'.repeat(1024 * 1024)}"}\n\n`;
    const answer = await ask(streaming(ROLE, long, STOP, USAGE, DONE));
    expect(answer.text).toBe([ROLE, long, STOP, DONE].join(''));
  });

  test('a client that does not read makes the upstream wait, and holds little', async () => {
    const event = `data: {"choices":[{"delta":{"content":"${'x'.repeat(60_000)}"}}]}\n\n`;
    let written = 0;
    const connection = await open(async (call) => {
      await openStream(call);
      for (; written < 400 && !call.socket.destroyed; written++) await sendPiece(call, event);
    }, 'plain');
    connection.socket.pause();
    let before = -1;
    await until(() => written === before || ((before = written), false), { everyMs: 200 });
    expect(written).toBeLessThan(400);
    const held = gateway.gateway.running
      .list()
      .map(({ res }) => res.writableLength + (res.socket?.writableLength ?? 0));
    expect(Math.max(...held)).toBeLessThanOrEqual(256 * 1024);
    connection.destroy();
    await until(() => gateway.gateway.running.size === 0);
  });
});

describe('how a stream ends', () => {
  const told = (text: string): string[] => text.match(/data: \{"error".*\n\n$/g) ?? [];

  test('cut by the upstream: one error event, no [DONE], no regular end, an estimate', async () => {
    const before = lineCount();
    const answer = await ask(async (call) => {
      await openStream(call);
      await sendPiece(call, ROLE + WORD + WORD);
      call.reset();
    });
    expect(answer.text.startsWith(ROLE + WORD + WORD)).toBe(true);
    expect(told(answer.text)).toHaveLength(1);
    expect(answer.text).not.toContain('[DONE]');
    expect(answer.isComplete).toBe(true);
    const line = await lineAfter(before);
    expect(line).toMatchObject({ outcome: 'truncated', error_code: 'UPSTREAM_ERROR', tokens_estimated: true });
    expect(line).toMatchObject({ tokens_out: 2 });
  });

  test('cut inside an event: the error event can be read all the same', async () => {
    const cut: Script = async (call) => {
      await openStream(call);
      await sendPiece(call, ROLE + WORD.slice(0, 30));
      call.reset();
    };
    const passing = await ask(cut, 'plain', { stream: true, stream_options: { include_usage: true } });
    expect(passing.text.split('\n\n').at(-2)).toMatch(/^data: \{"error"/);
    const hiding = await ask(cut);
    expect(hiding.text.slice(ROLE.length)).toMatch(/^data: \{"error"/);
  });

  test('without [DONE] it is whole when a finish reason was seen, and cut when not', async () => {
    expect(await ask(streaming(ROLE, WORD, STOP))).toMatchObject({ text: ROLE + WORD + STOP, isComplete: true });
    const cut = await ask(streaming(ROLE, WORD));
    expect(cut.isComplete).toBe(true);
    expect(told(cut.text)).toHaveLength(1);
  });

  test("the upstream's own error event is passed, and not told twice", async () => {
    const before = lineCount();
    const error = 'data: {"error":{"message":"The server had an error","type":"server_error"}}\n\n';
    const answer = await ask(streaming(ROLE, error));
    expect(answer.text).toBe(ROLE + error);
    expect(answer.isComplete).toBe(true);
    expect(await lineAfter(before)).toMatchObject({ outcome: 'truncated' });
  });

  test('an error inside a stream that is translated is told once, in the words of the route', async () => {
    const before = lineCount();
    const event = (data: { type: string; [field: string]: unknown }): string =>
      `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
    const start = event({ type: 'message_start', message: { id: 'm', usage: { input_tokens: 20, output_tokens: 1 } } });
    const block = event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
    const delta = event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'eight by' } });
    const error = event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
    const answer = await ask(streaming(start + block + delta, error), 'claude');
    expect(answer.text).toContain('"content":"eight by"');
    expect(told(answer.text)).toEqual([expect.stringContaining('Overloaded')]);
    expect(answer.isComplete).toBe(true);
    expect(await lineAfter(before)).toMatchObject({ outcome: 'truncated', tokens_in: 20, tokens_out: 2 });
  });

  test('a stream that does not begin in time is refused', async () => {
    const answer = await ask(({ received }) => received, 'hurried');
    expect(answer.status).toBe(504);
  });
});

describe('comments keep a silent stream alive', () => {
  test('between events', async () => {
    const { script, release } = pausing([ROLE], [STOP, DONE]);
    const connection = await open(script, 'alive');
    await connection.readThrough(': keep-alive\n');
    await connection.readThrough(': keep-alive\n');
    release();
    await connection.readThrough('0\r\n\r\n');
    connection.destroy();
  });

  test('never inside one, never before the first byte', async () => {
    const witness = await open(pausing([ROLE], []).script, 'alive');
    await witness.readThrough(ROLE);
    const whileOthersAreTold = async (): Promise<void> => {
      for (let comments = 0; comments < 3; comments++) await witness.readThrough(': keep-alive\n');
    };
    const first = Promise.withResolvers<void>();
    const { script, release } = pausing([ROLE, WORD.slice(0, 20)], [WORD.slice(20), STOP, DONE]);
    upstream.play((call) => first.promise.then(() => script(call)));
    const connection = await connectRaw(gateway.url);
    await connection.send(requestFor('alive', { stream: true, stream_options: { include_usage: true } }));
    await whileOthersAreTold();
    expect(connection.bytes).toHaveLength(0);
    first.resolve();
    await connection.readThrough(WORD.slice(0, 20));
    await whileOthersAreTold();
    release();
    await connection.readThrough('[DONE]\n\n');
    expect(connection.bytes.toString()).not.toContain(': keep-alive\n');
    connection.destroy();
    witness.destroy();
  });
});

describe('a client that leaves', () => {
  test('ends the call upstream, and what it used is estimated', async () => {
    const before = lineCount();
    const { script, release } = pausing([ROLE, WORD], [STOP, USAGE, DONE]);
    const connection = await open(script, 'plain');
    await connection.readThrough('"word"');
    connection.destroy();
    await upstream.connections.at(-1)?.closed;
    expect(await lineAfter(before)).toMatchObject({ outcome: 'client_aborted', tokens_out: 1, tokens_estimated: true });
    release();
  });

  test('before the first byte is taken to have had its prompt read', async () => {
    const before = lineCount();
    const asked = upstream.requests.length;
    const connection = await open(({ received }) => received, 'plain');
    await until(() => upstream.requests.length > asked);
    connection.destroy();
    expect(await lineAfter(before)).toMatchObject({ status: 499, tokens_out: 0, tokens_estimated: true });
  });

  test('is outlived by the call where exact usage is wanted', async () => {
    const before = lineCount();
    const { script, release } = pausing([ROLE, WORD], [WORD, STOP, USAGE, DONE]);
    const connection = await open(script, 'drained');
    await connection.readThrough('"word"');
    connection.destroy();
    await until(() => gateway.gateway.running.list()[0]?.isDetached);
    expect(await gateway.metrics()).toContain('gateway_in_flight{service="chat"} 1');
    release();
    expect(await lineAfter(before)).toMatchObject({
      outcome: 'client_aborted',
      tokens_out: 11,
      tokens_estimated: false,
    });
    expect(await gateway.metrics()).toContain('gateway_in_flight{service="chat"} 0');
  });

  test('is outlived for no more than a megabyte', async () => {
    const before = lineCount();
    let pieces = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const connection = await open(async (call) => {
      await openStream(call);
      await sendPiece(call, WORD);
      await promise;
      for (; pieces < 400 && !call.socket.destroyed; pieces++) await sendPiece(call, WORD.repeat(200));
      await endStream(call);
    }, 'drained');
    await connection.readThrough('"word"');
    connection.destroy();
    await until(() => gateway.gateway.running.list()[0]?.isDetached);
    resolve();
    expect(await lineAfter(before)).toMatchObject({ outcome: 'client_aborted', tokens_estimated: true });
    await until(() => pieces < 400 || upstream.connections.at(-1)?.socket.destroyed);
  });

  test('finds the whole answer when it asks again with the same Idempotency-Key', async () => {
    const { script, release } = pausing([ROLE, WORD], [STOP, USAGE, DONE]);
    const connection = await open(script, 'kept', 'Idempotency-Key: once\r\n');
    await connection.readThrough('"word"');
    connection.destroy();
    await until(() => gateway.gateway.running.list()[0]?.isDetached);
    release();
    await until(() => gateway.gateway.running.size === 0);
    const again = await sendRaw(gateway.url, requestFor('kept', { stream: true }, 'Idempotency-Key: once\r\n'));
    expect(again.text).toBe(ROLE + WORD + STOP + DONE);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
  });
});

describe('a whole answer', () => {
  const completion = JSON.stringify({
    choices: [{ index: 0, message: { role: 'assistant', content: 'Grüße' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  });
  const json = { 'Content-Type': 'application/json' };
  const answering =
    (body: string | Buffer, headers: Record<string, string> = {}): Script =>
    async (call) => {
      await call.received;
      await call.answer(200, body, { ...json, ...headers });
    };

  test('passes as it came and is counted, compressed or not', async () => {
    const zipped = gzipSync(completion);
    for (const [body, headers] of [
      [Buffer.from(completion), {}],
      [zipped, { 'Content-Encoding': 'gzip' }],
    ] as const) {
      const before = lineCount();
      const answer = await ask(answering(body, headers), 'plain', {});
      expect(answer.body).toEqual(body);
      expect(await lineAfter(before)).toMatchObject({ tokens_in: 3, tokens_out: 4, tokens_estimated: false });
    }
  });

  test('is told in an envelope where the route says so', async () => {
    const answer = await ask(
      answering(gzipSync(completion), { 'Content-Encoding': 'gzip', ETag: '"1"' }),
      'enveloped',
      {},
    );
    const requestId = answer.headers.get('x-request-id');
    expect(JSON.parse(answer.text)).toEqual({
      request_id: requestId,
      status: 'success',
      model: 'gpt-4',
      response: 'Grüße',
      metadata: { tokens_used: 7, latency_ms: expect.any(Number), timestamp: expect.stringMatching(/^20.*Z$/) },
    });
    expect(answer.headers.get('content-length')).toBe(String(answer.body.length));
    expect(answer.headers.get('content-encoding') ?? answer.headers.get('etag')).toBeUndefined();
  });

  test.each([
    ['that is not JSON', answering('<html>'), 'UPSTREAM_INVALID_RESPONSE'],
    ['that breaks off', answering('{"choices"', { 'Content-Length': '100' }), 'UPSTREAM_ERROR'],
  ])('%s is a clean 502 where it must be put into another shape', async (_name, script, code) => {
    const answer = await ask(
      async (call) => {
        await script(call);
        call.end();
      },
      'enveloped',
      {},
    );
    expect([answer.status, JSON.parse(answer.text).error_code]).toEqual([502, code]);
  });
});

test('tokens, cost and the names of other gateways stand on the metrics page', async () => {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(text).toMatch(/^gateway_tokens_total\{model="gpt-4",direction="output"\} [1-9]/m);
  expect(text).toMatch(/^gateway_cost_usd_total\{model="gpt-4"\} \d*\.\d/m);
  expect(text).toMatch(/^ai_gateway_requests_total\{model="gpt-4",status="success"\} [1-9]/m);
  expect(text).toMatch(/^ai_gateway_requests_total\{model="gpt-4",status="error"\} [1-9]/m);
  expect(text).toMatch(/^ai_gateway_request_duration_seconds_count\{model="gpt-4"\} [1-9]/m);
  expect(text).toMatch(/^ai_gateway_tokens_used\{model="gpt-4"\} [1-9]/m);
  expect(text).toMatch(/^api_requests_total [1-9]/m);
  expect(text).toMatch(/^request_duration_seconds_bucket\{le="0.005"\} /m);
});
