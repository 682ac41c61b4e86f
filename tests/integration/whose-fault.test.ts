// What a client does is never held against the upstream, and a deadline ends an exchange wherever it has got to.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { connectRaw, type RawConnection, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  fragile:
    url: "${upstream.url}"
    auth: false
    retry: false
    circuit_breaker: { min_requests: 2, error_percent: 10 }
    timeout: { first_byte: 100ms, idle: 100ms }
  brief:
    url: "${upstream.url}"
    auth: false
    retry: false
    circuit_breaker: { min_requests: 1, error_percent: 1 }
    timeout: { total: 700ms }
  narrow:
    url: "${upstream.url}"
    auth: false
    concurrency: { limit: 1, per: service, queue: { max: 5, wait: 20s } }
    timeout: { total: 250ms }
  patient:
    url: "${upstream.url}"
    auth: false
    retry: { attempts: 5, backoff: { initial: 10s, max: 10s } }
    timeout: { total: 250ms }
`);
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const CHUNKED_POST = 'POST /fragile/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n';
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: g\r\n\r\n`;

async function opened(bytes: string): Promise<RawConnection> {
  const client = await connectRaw(gateway.url);
  const before = upstream.requests.length;
  await client.send(bytes);
  await until(() => upstream.requests.length > before);
  return client;
}

describe('after eight clients that', () => {
  const ways: [string, (client: RawConnection) => Promise<void>][] = [
    [
      'send their bodies slowly',
      async (client) => {
        const began = performance.now();
        for (let i = 0; i < 5; i++) {
          await client.send('1\r\nx\r\n');
          await until(() => performance.now() - began > i * 60);
        }
        await client.send('0\r\n\r\n');
        expect(await client.read()).toMatchObject({ status: 200 });
      },
    ],
    ['reset in the middle of a body', async (client) => client.reset()],
    ['leave in the middle of a body', async (client) => client.destroy()],
    ['end their side in the middle of a body', async (client) => client.end()],
    [
      'send a chunk that is none',
      async (client) => {
        await client.send('zz\r\n');
        await client.closed;
        client.destroy();
      },
    ],
  ];

  test.each(ways)('%s the breaker of the upstream is closed', async (_name, misbehave) => {
    const clients: RawConnection[] = [];
    for (let i = 0; i < 8; i++) clients.push(await opened(CHUNKED_POST));
    await Promise.all(clients.map(misbehave));
    await until(() => gateway.gateway.running.size === 0);
    expect(await sendRaw(gateway.url, get('/fragile/x'))).toMatchObject({ status: 200 });
    for (const client of clients) client.destroy();
  });
});

describe('the total deadline', () => {
  test('that passes while a client still sends is the client’s: 408, and the breaker stays closed', async () => {
    const client = await opened(CHUNKED_POST.replace('fragile', 'brief'));
    expect(await client.read()).toMatchObject({ status: 408 });
    client.destroy();
    expect(await sendRaw(gateway.url, get('/brief/x'))).toMatchObject({ status: 200 });
  });

  test('that passes while a client does not read is the client’s', async () => {
    const body = Buffer.alloc(16 * 1024 * 1024, 'x');
    upstream.play((call) => call.answer(200, body));
    const client = await connectRaw(gateway.url);
    client.socket.pause();
    await client.send(get('/brief/x'));
    await until(() => gateway.gateway.running.size === 1);
    await until(() => gateway.gateway.running.size === 0);
    client.destroy();
    upstream.play(answerOk);
    expect(await sendRaw(gateway.url, get('/brief/x'))).toMatchObject({ status: 200 });
  });

  test('ends an exchange that waits in a queue', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    upstream.play(async (call) => {
      await held;
      await call.answer(200, 'ok');
    });
    const running = await opened(get('/narrow/x'));
    const began = performance.now();
    const waiting = await sendRaw(gateway.url, get('/narrow/y'));
    expect(waiting).toMatchObject({ status: 504 });
    expect(performance.now() - began).toBeLessThan(10_000);
    release();
    running.destroy();
  });

  test('ends an exchange that waits between two attempts', async () => {
    upstream.play((call) => call.answer(503, 'not now'));
    const before = upstream.requests.length;
    const began = performance.now();
    const answer = await sendRaw(gateway.url, get('/patient/x'));
    expect([503, 504]).toContain(answer.status);
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(upstream.requests.length).toBe(before + 1);
  });
});
