// One request in, at most one request out: through the whole gateway, over upstream connections that are reused.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { connectRaw, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  open: { url: "${upstream.url}", auth: false, body_limit: 1MiB }
  many: { url: "${upstream.url}", auth: false, timeout: { connect: 20s } }
  keyed: { url: "${upstream.url}" }
`);
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: g\r\n\r\n';
const head = (line: string, ...lines: string[]): string =>
  [`${line} HTTP/1.1`, 'Host: g', ...lines, '', ''].join('\r\n');
const chunked = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

/** Every target the upstream read, also inside what a lenient parser would take for bodies. */
async function targetsAfter(work: () => Promise<unknown>): Promise<string[]> {
  const before = upstream.requests.length;
  await work();
  return upstream.requests.slice(before).map(({ target }) => target);
}

describe('a request inside the body of another stays a body', () => {
  const METHODS = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'PROPFIND', 'QUERY'];

  test.each(METHODS)('%s', async (method) => {
    const targets = await targetsAfter(async () => {
      for (const name of ['Transfer-Encoding: chunked', `Content-Length: ${SMUGGLED.length}`]) {
        const body = name.startsWith('T') ? chunked(SMUGGLED) : SMUGGLED;
        expect(await sendRaw(gateway.url, head(`${method} /open/outer`, name) + body, { method })).toMatchObject({
          status: 200,
        });
        expect(upstream.requests.at(-1)?.body.toString()).toBe(SMUGGLED);
      }
      await sendRaw(gateway.url, head('GET /open/after'));
    });
    expect(targets).toEqual(['/outer', '/outer', '/after']);
  });

  test('on the gateway’s own endpoints too', async () => {
    const connection = await connectRaw(gateway.url);
    await connection.send(head('GET /health', `Content-Length: ${SMUGGLED.length}`) + SMUGGLED + head('GET /ready'));
    expect((await connection.read()).text).toContain('healthy');
    expect((await connection.read()).text).toContain('status');
    connection.destroy();
  });
});

describe('two framings at once', () => {
  const lines = ['Content-Length: 4', 'Transfer-Encoding: chunked'];
  const spellings = [lines, lines.toReversed(), ['Content-Length: 4', 'transfer-encoding: CHUNKED']].concat([
    ['Content-Length: 4', 'Transfer-Encoding : chunked'],
    ['Content-Length: 4', 'Transfer-Encoding: \x0bchunked'],
    ['Content-Length: 4', 'Transfer-Encoding: x', 'Transfer-Encoding: chunked'],
    ['Content-Length: 4', 'Content-Length: 0'],
    ['Content-Length: 4', 'X: y\nTransfer-Encoding: chunked'],
    ['Content-Length: 4', 'Transfer_Encoding: chunked', 'Content_Length: 0', 'Transfer-Encoding:chunked'],
  ]);

  test.each(spellings)('%j %j reach nobody, and what follows is not read', async (...given) => {
    const connection = await connectRaw(gateway.url);
    const targets = await targetsAfter(async () => {
      await connection.send(head('POST /open/outer', ...given.filter(Boolean)) + `0\r\n\r\n${SMUGGLED}`);
      await connection.closed;
    });
    expect(targets).toEqual([]);
    expect(connection.bytes.toString().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
    connection.destroy();
  });

  test('with underscores are no framing: the names never cross', async () => {
    const lines = ['Content-Length: 3', 'Transfer_Encoding: chunked', 'Content_Length: 0'];
    expect(await sendRaw(gateway.url, `${head('POST /open/outer', ...lines)}abc`)).toMatchObject({ status: 200 });
    expect(upstream.requests.at(-1)?.head.toString()).not.toMatch(/(transfer|content)_/i);
    expect(upstream.requests.at(-1)?.body.toString()).toBe('abc');
  });
});

describe('pipelined requests', () => {
  test('are answered in their order, each judged by its own credential', async () => {
    const connection = await connectRaw(gateway.url);
    const keyed = head('GET /keyed/mine', `X-API-Key: ${API_KEY}`);
    const targets = await targetsAfter(async () => {
      await connection.send(keyed + head('GET /keyed/stolen') + keyed + head('GET /health'));
      const answers = [];
      for (let i = 0; i < 4; i++) answers.push(await connection.read());
      expect(answers.map(({ status }) => status)).toEqual([200, 401, 200, 200]);
    });
    expect(targets).toEqual(['/mine', '/mine']);
    connection.destroy();
  });

  test('behind a slow one wait, and never overtake it', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    upstream.play(async (call) => {
      await call.received;
      if (call.request.target === '/slow') await gate;
      await call.answer(200, call.request.target);
    });
    const connection = await connectRaw(gateway.url);
    await connection.send(head('GET /open/slow') + head('GET /open/fast'));
    await until(() => upstream.requests.at(-1)?.target === '/fast');
    open();
    expect([(await connection.read()).text, (await connection.read()).text]).toEqual(['/slow', '/fast']);
    connection.destroy();
  });

  test('ten thousand on one connection: the first are served in order, the connection ends, and no other notices', async () => {
    const connection = await connectRaw(gateway.url);
    const before = upstream.requests.length;
    const sending = connection.send(head('GET /many/x').repeat(10_000)).catch(() => undefined);
    expect(await sendRaw(gateway.url, head('GET /health'))).toMatchObject({ status: 200 });
    // How many there is room for depends on what one read brings; the last of them says that the connection ends.
    const last = await readUntilClose(connection);
    await connection.closed;
    connection.destroy();
    await sending;
    expect(last.served).toBeGreaterThan(250);
    expect(last.served).toBeLessThanOrEqual(1_000);
    expect(upstream.requests.length - before).toBe(last.served);
  });
});

describe('an answer before the end of the upload', () => {
  test('ends the client’s connection, and its upstream connection is not used again', async () => {
    upstream.play((call) => call.answer(413, 'enough'));
    const connection = await connectRaw(gateway.url);
    const targets = await targetsAfter(async () => {
      await connection.send(head('POST /open/early', 'Content-Length: 500000') + 'x'.repeat(1_000));
      expect(await connection.read()).toMatchObject({ status: 413, text: 'enough' });
      await connection.send(SMUGGLED).catch(() => undefined);
      await connection.closed;
      const used = upstream.requests.at(-1)?.connection;
      upstream.play(answerOk);
      await sendRaw(gateway.url, head('GET /open/next'));
      expect(upstream.requests.at(-1)?.connection).not.toBe(used);
    });
    expect(targets).toEqual(['/early', '/next']);
    connection.destroy();
  });

  test('by the gateway itself: the rest of a refused upload is not read as a request', async () => {
    const connection = await connectRaw(gateway.url);
    const targets = await targetsAfter(async () => {
      await connection.send(head('POST /keyed/x', 'Transfer-Encoding: chunked') + SMUGGLED);
      await connection.closed;
    });
    expect(targets).toEqual([]);
    expect(connection.bytes.toString()).not.toContain('HTTP/1.1 200');
    connection.destroy();
  });

  test('a short body of a refused request is read away, and the next request is served', async () => {
    const connection = await connectRaw(gateway.url);
    const targets = await targetsAfter(async () => {
      await connection.send(
        head('POST /keyed/x', `Content-Length: ${SMUGGLED.length}`) + SMUGGLED + head('GET /open/y'),
      );
      expect(await connection.read()).toMatchObject({ status: 401 });
      expect(await connection.read()).toMatchObject({ status: 200 });
    });
    expect(targets).toEqual(['/y']);
    connection.destroy();
  });
});

test('trailers are not headers', async () => {
  const trailers = 'X-Consumer-Id: forged\r\nAuthorization: forged\r\nX-Trailer: forged\r\n';
  const body = `3\r\nabc\r\n0\r\n${trailers}\r\n`;
  await sendRaw(gateway.url, head('POST /open/x', 'Transfer-Encoding: chunked', 'Trailer: X-Consumer-Id') + body);
  expect(upstream.requests.at(-1)?.connection.bytes.toString()).not.toContain('forged');
});

/** Reads answers, all of them 200, to the one that ends the connection. */
async function readUntilClose(connection: Awaited<ReturnType<typeof connectRaw>>): Promise<{ served: number }> {
  for (let served = 1; ; served++) {
    const { status, headers } = await connection.read();
    expect(status).toBe(200);
    if (JSON.stringify(headers).toLowerCase().includes('"close"')) return { served };
  }
}
