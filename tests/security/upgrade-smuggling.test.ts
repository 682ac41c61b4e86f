// An upgrade leaves HTTP behind, so whatever passes under its name is past every rule that reads requests.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { findFreePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { connectRaw, type RawResponse, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;
let adminUrl: string;
let metricsUrl: string;

beforeAll(async () => {
  upstream = await startRawUpstream();
  const [adminPort, metricsPort] = [await findFreePort(), await findFreePort()];
  adminUrl = `http://127.0.0.1:${adminPort}`;
  metricsUrl = `http://127.0.0.1:${metricsPort}`;
  gateway = await startTestGateway(`
settings:
  ${QUICK_SHUTDOWN}
  admin: { listen: { host: 127.0.0.1, port: ${adminPort} } }
  metrics: { port: ${metricsPort} }
services:
  open: { url: "${upstream.url}/base", auth: false }
  brief: { url: "${upstream.url}", auth: false, timeout: { idle: 100ms } }
  few: { targets: [{ url: "${upstream.url}", max_connections: 1 }], auth: false }
`);
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const OFFER = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n';
const handshake = (startLine: string, more = ''): string => `${startLine}\r\nHost: g.test\r\n${OFFER}${more}\r\n`;
const SMUGGLED = 'GET /admin HTTP/1.1\r\nHost: g\r\n\r\n';

const agree =
  (...lines: string[]): Script =>
  async (call) => {
    await call.received;
    const head = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', ...lines].join('\r\n');
    await call.write(`${head}\r\n\r\n`);
    await call.readTunnel();
  };

describe('an offer that is no handshake is a request like any other', () => {
  test.each([
    ['a body by length', `GET /open/x HTTP/1.1`, `Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED],
    [
      'a chunked body',
      'GET /open/x HTTP/1.1',
      'Transfer-Encoding: chunked\r\n',
      `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    ],
    ['POST', 'POST /open/x HTTP/1.1', `Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED],
    ['HTTP/1.0', 'GET /open/x HTTP/1.0', '', ''],
    ['two offers', 'GET /open/x HTTP/1.1', 'Upgrade: websocket\r\n', ''],
  ])('%s', async (_name, startLine, more, body) => {
    upstream.play(answerOk);
    const before = upstream.requests.length;
    const answer = await sendRaw(gateway.url, handshake(startLine, more) + body);
    expect(answer).toMatchObject({ status: 200, text: 'ok' });
    const received = upstream.requests.slice(before);
    expect(received.map(({ target }) => target)).toEqual(['/base/x']);
    expect(received[0]?.headers.all('upgrade')).toEqual([]);
    expect(received[0]?.body.toString()).toBe(body === '' ? '' : SMUGGLED);
  });
});

test.each([
  ['administration', () => adminUrl],
  ['metrics', () => metricsUrl],
])('the socket of %s opens no way to a route', async (_name, url) => {
  const before = upstream.requests.length;
  expect(await sendRaw(url(), handshake('GET /open/x HTTP/1.1'))).toMatchObject({ status: 404 });
  expect(upstream.requests.length).toBe(before);
});

describe('what the upstream answers to a handshake', () => {
  const forged = ['X-Consumer-Id: bad', 'X-Forwarded-For: bad', 'Keep-Alive: bad'];

  async function ask(): Promise<RawResponse> {
    const connection = await connectRaw(gateway.url);
    await connection.send(handshake('GET /open/ws HTTP/1.1'));
    return connection.read().finally(() => connection.destroy());
  }

  test('crosses cleaned and signed like any answer when it agrees', async () => {
    upstream.play(agree('Upgrade: websocket', 'Sec-WebSocket-Accept: abc', ...forged));
    const { status, raw, headers } = await ask();
    expect(status).toBe(101);
    expect(raw.toString()).not.toContain('bad');
    expect([headers.get('upgrade'), headers.get('sec-websocket-accept')]).toEqual(['websocket', 'abc']);
    expect(headers.get('x-request-id')).toMatch(/^req_/);
  });

  test('is an ordinary answer on a closing connection when it refuses, and never a tunnel', async () => {
    upstream.play(async (call) => {
      await call.received;
      const lines = ['HTTP/1.1 302 Found', `Location: ${upstream.url}/base/new`, 'Set-Cookie: a', 'Set-Cookie: b'];
      await call.write([...lines, ...forged, 'Content-Length: 2', '', 'ok'].join('\r\n'));
    });
    const answer = await ask();
    expect(answer).toMatchObject({ status: 302, text: 'ok' });
    expect(answer.raw.toString()).not.toContain('bad');
    expect(answer.headers.get('location')).toBe('http://g.test/open/new');
    expect(answer.headers.all('set-cookie')).toEqual(['a', 'b']);
    expect(answer.headers.get('connection')).toBe('close');
    const id = answer.headers.get('x-request-id');
    const line = await until(() => gateway.logged.find((entry) => entry['request_id'] === id));
    expect(line).toMatchObject({ status: 302, outcome: 'completed', attempts: 1 });
  });

  test.each(['HTTP/1.1 700 X\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 101 X\r\n\r\n', 'nonsense\r\n\r\n'])(
    '%j is 502',
    async (bytes) => {
      upstream.play(async (call) => {
        await call.received;
        await call.write(bytes);
      });
      expect(await ask()).toMatchObject({ status: 502 });
    },
  );

  test('never opens another protocol than the one asked for', async () => {
    upstream.play(agree('Upgrade: h2c'));
    const connection = await connectRaw(gateway.url);
    await connection.send(handshake('GET /open/ws HTTP/1.1'));
    await connection.closed;
    expect(connection.bytes.toString()).toMatch(/^HTTP\/1\.1 502 /);
    connection.destroy();
  });

  test('is 502 also where the connection has carried an answer before', async () => {
    const connection = await connectRaw(gateway.url);
    await connection.send('GET /open/first HTTP/1.1\r\nHost: g.test\r\n\r\n');
    expect(await connection.read()).toMatchObject({ status: 200 });
    upstream.play((call) => call.reset());
    await connection.send(handshake('GET /open/ws HTTP/1.1'));
    expect(await connection.read()).toMatchObject({ status: 502 });
    connection.destroy();
  });
});

test('a header called like a property of objects is a header', async () => {
  await sendRaw(gateway.url, handshake('GET /open/ws HTTP/1.1', 'constructor: a\r\n__proto__: b\r\n'));
  const { headers } = upstream.requests.at(-1) ?? {};
  expect([headers?.all('constructor'), headers?.all('__proto__')]).toEqual([['a'], ['b']]);
});

test('tunnels count against the connections of the target', async () => {
  upstream.play(agree('Upgrade: websocket'));
  const first = await connectRaw(gateway.url);
  await first.send(handshake('GET /few/ws HTTP/1.1'));
  expect(await first.read()).toMatchObject({ status: 101 });
  expect(await sendRaw(gateway.url, handshake('GET /few/ws HTTP/1.1'))).toMatchObject({ status: 503 });
  first.destroy();
  await until(() => gateway.gateway.tunnels.size === 0);
  expect(await sendRaw(gateway.url, handshake('GET /few/ws HTTP/1.1'))).toMatchObject({ status: 101 });
});

test('a tunnel through which nothing passes ends after the idle time', async () => {
  upstream.play(agree('Upgrade: websocket'));
  const client = await connectRaw(gateway.url);
  await client.send(handshake('GET /brief/ws HTTP/1.1'));
  expect(await client.read()).toMatchObject({ status: 101 });
  await client.closed;
  await until(() => gateway.gateway.tunnels.size === 0);
});
