// Sequences of messages on one connection: every answer in its place, nothing behind a last one, and no client byte that
// ends more than its own connection.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { findFreePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { connectRaw, type RawConnection, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;
let urls: Record<'public' | 'admin' | 'metrics', string>;

beforeAll(async () => {
  upstream = await startRawUpstream();
  const [adminPort, metricsPort] = [await findFreePort(), await findFreePort()];
  gateway = await startTestGateway(`
settings:
  ${QUICK_SHUTDOWN}
  admin: { listen: { host: 127.0.0.1, port: ${adminPort} } }
  metrics: { port: ${metricsPort} }
services:
  open: { url: "${upstream.url}", auth: false }
  keyed: { url: "${upstream.url}" }
`);
  urls = {
    public: gateway.url,
    admin: `http://127.0.0.1:${adminPort}`,
    metrics: `http://127.0.0.1:${metricsPort}`,
  };
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  expect(await gateway.metrics()).not.toMatch(/^gateway_escaped_errors_total\{/m);
  await gateway.close();
  await upstream.close();
});

const get = (target: string, ...lines: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: g', ...lines, '', ''].join('\r\n');
const post = (target: string, body: string, ...lines: string[]): string =>
  [`POST ${target} HTTP/1.1`, 'Host: g', `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n');
const HANDSHAKE = get(
  '/open/socket',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==',
);

/** Everything the connection brings until the gateway ends it: the statuses of the answers, in order. */
async function statusesUntilClosed(connection: RawConnection): Promise<number[]> {
  await connection.closed;
  connection.destroy();
  return [...connection.bytes.toString('latin1').matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
}

/** Holds the answers to `/hold…` back until the test lets them go; everything else is answered at once. */
function holdAnswers(): () => void {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  upstream.play(async (call) => {
    await call.received;
    if (call.request.target.startsWith('/hold')) await gate;
    await call.answer(200, call.request.target);
  });
  return open;
}

const targetsSince = (before: number): string[] =>
  upstream.requests.slice(before).map(({ method, target }) => `${method} ${target}`);

describe('a WebSocket handshake behind an unanswered request is refused in its turn', () => {
  test.each([
    ['an own endpoint', get('/health'), 200],
    ['no route', get('/nowhere'), 404],
    ['no key', get('/keyed/x'), 401],
    ['a bad path', get('/open/../x'), 400],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n', 204],
    ['a proxied one', get('/open/x'), 200],
    ['a proxied one with a body', post('/open/x', 'abc'), 200],
  ])('%s', async (_name, first, status) => {
    const connection = await connectRaw(urls.public);
    await connection.send(first + HANDSHAKE);
    expect(await statusesUntilClosed(connection)).toEqual([status, 400]);
    expect(await sendRaw(urls.public, get('/health'))).toMatchObject({ status: 200 });
  });

  test('also in a packet of its own, while the answer before it is on its way', async () => {
    const open = holdAnswers();
    const before = upstream.requests.length;
    const connection = await connectRaw(urls.public);
    await connection.send(get('/open/hold'));
    await until(() => upstream.requests.length === before + 1);
    await connection.send(HANDSHAKE);
    open();
    expect(await connection.read()).toMatchObject({ status: 200, text: '/hold' });
    const refusal = await connection.read();
    expect(refusal).toMatchObject({ status: 400 });
    expect(refusal.text).toContain('UPGRADE_REFUSED');
    await connection.closed;
    expect(targetsSince(before)).toEqual(['GET /hold']);
  });

  test.each(['admin', 'metrics'] as const)('on the socket of %s it is a request like any other', async (plane) => {
    const connection = await connectRaw(urls[plane]);
    await connection.send(get('/nowhere') + HANDSHAKE);
    expect([await connection.read(), await connection.read()]).toMatchObject([{ status: 404 }, { status: 404 }]);
    connection.destroy();
  });

  test('after a finished answer it is taken', async () => {
    upstream.play(async (call) => {
      await call.received;
      if (call.request.target !== '/socket') return call.answer(200);
      await call.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      await call.readTunnel();
    });
    const connection = await connectRaw(urls.public);
    await connection.send(get('/open/x'));
    expect(await connection.read()).toMatchObject({ status: 200 });
    await connection.send(HANDSHAKE);
    expect(await connection.readHead()).toMatchObject({ status: 101 });
    connection.destroy();
  });
});

describe('what had been asked is answered before what follows it is refused', () => {
  const FOLLOWERS: [string, string, number][] = [
    ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    ['CONNECT with a body', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab', 405],
    ['no method', 'G@T / HTTP/1.1\r\nHost: g\r\n\r\n', 400],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost: g\r\nX : y\r\n\r\n', 400],
    [
      'two framings',
      'POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a head that is too large', `GET / HTTP/1.1\r\nHost: g\r\nX: ${'x'.repeat(60_000)}\r\n\r\n`, 431],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['a bad chunk', 'POST /open/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    ['two hosts', 'GET /open/x HTTP/1.1\r\nHost: g\r\nHost: g\r\n\r\n', 400],
  ];

  test.each(FOLLOWERS)('%s in the same packet', async (_name, follower, status) => {
    const connection = await connectRaw(urls.public);
    const before = upstream.requests.length;
    await connection.send(post('/open/charge', 'abc') + follower);
    expect(await statusesUntilClosed(connection)).toEqual([200, status]);
    expect(targetsSince(before)).toEqual(['POST /charge']);
  });

  test.each(FOLLOWERS)('%s in a packet of its own', async (_name, follower, status) => {
    const open = holdAnswers();
    const connection = await connectRaw(urls.public);
    const before = upstream.requests.length;
    await connection.send(post('/open/hold', 'abc') + get('/open/second'));
    await until(() => upstream.requests.length > before);
    await connection.send(follower);
    open();
    expect(await statusesUntilClosed(connection)).toEqual([200, 200, status]);
    expect(targetsSince(before)).toEqual(['POST /hold', 'GET /second']);
  });

  test.each([
    ['HTTP/1.1', 'GET /open/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n'],
    ['HTTP/1.0', 'GET /open/x HTTP/1.0\r\nHost: g\r\n\r\n'],
    [
      'HTTP/1.0 that says keep-alive and close',
      'GET /open/x HTTP/1.0\r\nHost: g\r\nConnection: keep-alive, close\r\n\r\n',
    ],
  ])('what follows a request that closes is neither served nor refused (%s)', async (_name, closing) => {
    for (const [, follower] of [...FOLLOWERS, ['', get('/open/hidden'), 0] as const, ['', HANDSHAKE, 0] as const]) {
      const connection = await connectRaw(urls.public);
      const before = upstream.requests.length;
      await connection.send(closing + follower);
      expect(await statusesUntilClosed(connection)).toEqual([200]);
      expect(targetsSince(before)).toEqual(['GET /x']);
    }
  });
});

describe('an offer of another protocol that is ignored', () => {
  const OFFERS: [string, string][] = [
    ['h2c', get('/open/a', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk')],
    ['TLS', get('/open/a', 'Connection: Upgrade', 'Upgrade: TLS/1.0')],
    ['a list', get('/open/a', 'Connection: Upgrade', 'Upgrade: websocket, h2c')],
    ['a handshake with a body', post('/open/a', 'abc', 'Connection: Upgrade', 'Upgrade: websocket')],
  ];

  test.each(OFFERS)('never hides a request, nor makes one of the bytes behind it (%s)', async (_name, offer) => {
    const connection = await connectRaw(urls.public);
    const before = upstream.requests.length;
    await connection.send(`${offer}GET /open/b HTTP/1.1\r\nHost: g\r\nX: `);
    await connection.send(get('/open/hidden'));
    const answer = await connection.read();
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.headers.get('connection')).toBe('close');
    expect(await statusesUntilClosed(connection)).toEqual([200]);
    expect(targetsSince(before)).toEqual([`${offer.slice(0, 4).trim()} /a`]);
  });

  test('keeps its connection when nothing came with it: HTTP clients of Java make one each time', async () => {
    const connection = await connectRaw(urls.public);
    for (const [, offer] of OFFERS.slice(0, 3)) {
      await connection.send(offer);
      const answer = await connection.read();
      expect(answer).toMatchObject({ status: 200 });
      expect(answer.headers.get('connection')).toBe('keep-alive');
    }
    connection.destroy();
  });
});

test.each([1, 2, 3])(
  'an ignored offer whose last %i bytes come with the next request ends the connection',
  async (cut) => {
    const offer = get('/open/x', 'Connection: Upgrade', 'Upgrade: TLS/1.0');
    const connection = await connectRaw(urls.public);
    await connection.send(offer.slice(0, -cut));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await connection.send(offer.slice(-cut) + get('/open/y'));
    expect(await statusesUntilClosed(connection)).toEqual([200]);
  },
);

describe('pipelined requests', () => {
  test('with unsafe methods run alone, in their order', async () => {
    let atOnce = 0;
    let most = 0;
    upstream.play(async (call) => {
      most = Math.max(most, ++atOnce);
      await call.received;
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
      await call.answer(200, call.request.target);
    });
    const connection = await connectRaw(urls.public);
    const before = upstream.requests.length;
    const wanted = Array.from({ length: 30 }, (_, i) => `${i % 3 === 2 ? 'GET' : 'PUT'} /x?v=${i}`);
    const sent = wanted.map((line) => line.replace(' /', ' /open/'));
    await connection.send(sent.map((line) => `${line} HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\nabc`).join(''));
    for (const line of wanted) expect((await connection.read()).text).toBe(line.slice(4));
    expect(targetsSince(before)).toEqual(wanted);
    expect(most).toBe(1);
    connection.destroy();
  });

  test('with safe methods run four at a time', async () => {
    const open = holdAnswers();
    const connection = await connectRaw(urls.public);
    const before = upstream.requests.length;
    await connection.send(Array.from({ length: 60 }, (_, i) => get(`/open/hold${i}`)).join(''));
    await until(() => upstream.requests.length === before + 4);
    expect(await sendRaw(urls.public, get('/open/other'))).toMatchObject({ status: 200 });
    expect(upstream.requests.length).toBe(before + 5);
    open();
    for (let i = 0; i < 60; i++) expect((await connection.read()).text).toBe(`/hold${i}`);
    connection.destroy();
  });

  test('end with their connection: what ran is given up, what waited never begins', async () => {
    holdAnswers();
    const connection = await connectRaw(urls.public);
    const before = upstream.requests.length;
    await connection.send(
      get('/open/hold/1') + get('/open/hold/2') + post('/open/hold/3', 'abc') + get('/open/hold/4'),
    );
    await until(() => upstream.requests.length === before + 2);
    connection.reset();
    await until(() => gateway.gateway.running.size === 0);
    expect(targetsSince(before)).toEqual(['GET /hold/1', 'GET /hold/2']);
  });

  test('past the thousandth are neither served nor answered', async () => {
    const connection = await connectRaw(urls.public);
    const answers = (): number => connection.bytes.toString('latin1').split('HTTP/1.1 404').length - 1;
    for (let sent = 0; sent < 1_000; sent += 100) {
      await connection.send(get('/nowhere').repeat(sent === 900 ? 200 : 100));
      await until(() => answers() === sent + 100);
    }
    const statuses = await statusesUntilClosed(connection);
    expect(statuses.length).toBe(1_000);
    expect(new Set(statuses)).toEqual(new Set([404]));
  });
});

describe('a client that ends its side before it has its answer', () => {
  test('and waits gets an interim answer after a while, and then its own', async () => {
    const open = holdAnswers();
    const connection = await connectRaw(urls.public);
    const before = upstream.requests.length;
    await connection.send(get('/open/hold'));
    await until(() => upstream.requests.length > before);
    connection.end();
    await until(() => connection.bytes.includes('HTTP/1.1 100 Continue\r\n\r\n'));
    open();
    expect(await connection.read()).toMatchObject({ status: 200, text: '/hold' });
    expect(await connection.closed).toBe('fin');
    connection.destroy();
  });

  test('and is gone costs its upstream call', async () => {
    holdAnswers();
    const connection = await connectRaw(urls.public);
    const before = upstream.requests.length;
    await connection.send(get('/open/hold'));
    await until(() => upstream.requests.length > before);
    connection.destroy();
    expect(await upstream.requests.at(-1)?.connection.closed).toBeDefined();
    await until(() => gateway.gateway.running.size === 0);
  });
});
