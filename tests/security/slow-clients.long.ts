// Clients that take their time: each costs a connection for ten seconds and not for ever, and nobody else notices.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { served } from '../support/certificates.ts';
import { until } from '../support/poll.ts';
import { connectRaw, type RawConnection, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

/** The deadline for headers, and for the first byte of a body, with the second in which it is looked at. */
const PATIENCE_MS = 12_500;

/** No rate is asked of the first 64 KiB of a body; past them it is measured over 30 s, in steps of 10 s. */
const FREE = 'x'.repeat(65 * 1024);
const SLOW_BODY_MS = 45_000;

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  open: { url: "${upstream.url}", auth: false, timeout: { idle: 1s } }
  keyed: { url: "${upstream.url}" }
`);
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: g\r\n\r\n`;

/** Sends a byte each half second until the gateway ends the connection; milliseconds that took. */
async function trickle(connection: RawConnection, bytes: string, forMs = 2 * PATIENCE_MS): Promise<number> {
  const startedAt = performance.now();
  let isOver = false;
  void connection.closed.then(() => (isOver = true));
  for (let i = 0; !isOver && performance.now() - startedAt < forMs; i++) {
    await connection.send(bytes[i % bytes.length] as string).catch(() => undefined);
    await Promise.race([connection.closed, delay(500)]);
  }
  connection.destroy();
  return performance.now() - startedAt;
}

async function connectMany(count: number): Promise<RawConnection[]> {
  return Promise.all(Array.from({ length: count }, () => connectRaw(gateway.url)));
}

test('headers that come byte by byte are given up in time, and healthy clients are served meanwhile', async () => {
  const slow = (await connectMany(300)).map((connection) =>
    trickle(connection, 'GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaa'),
  );
  const waits: number[] = [];
  for (let i = 0; i < 50; i++) {
    const startedAt = performance.now();
    expect(await sendRaw(gateway.url, get('/open/x'))).toMatchObject({ status: 200 });
    waits.push(performance.now() - startedAt);
  }
  expect(waits.sort((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(500);
  expect(Math.max(...(await Promise.all(slow)))).toBeLessThan(PATIENCE_MS);
});

test('a connection that says nothing is given up in time', async () => {
  const startedAt = performance.now();
  const connection = await connectRaw(gateway.url);
  await connection.closed;
  expect(performance.now() - startedAt).toBeLessThan(PATIENCE_MS);
});

test('a TLS handshake that never comes is given up in time, and noise harms nobody', async () => {
  const folder = makeTempDir('slow-tls');
  writeFileSync(join(folder, 'cert.pem'), served.cert);
  writeFileSync(join(folder, 'key.pem'), served.key);
  const tls = `tls: { cert: ${folder}/cert.pem, key: ${folder}/key.pem }`;
  const secure = await startTestGateway(`settings: { ${QUICK_SHUTDOWN}, listen: { ${tls} } }\n`);
  for (const noise of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x00\x05hello', '\0'.repeat(5_000)]) {
    const connection = await connectRaw(secure.url);
    await connection.send(noise).catch(() => undefined);
    connection.reset();
  }
  const startedAt = performance.now();
  const silent = await connectRaw(secure.url);
  await silent.closed;
  expect(performance.now() - startedAt).toBeLessThan(PATIENCE_MS);
  await secure.close();
  removeTempDir(folder);
});

test.each([
  ['by length', 'Content-Length: 100000', 'x', FREE],
  ['chunked', 'Transfer-Encoding: chunked', '1\r\nx\r\n', `${FREE.length.toString(16)}\r\n${FREE}\r\n`],
])('a body that goes on byte by byte, %s, is given up in time', async (_name, line, bytes, beginning) => {
  const slow = (await connectMany(20)).map(async (connection) => {
    await connection.send(`POST /open/x HTTP/1.1\r\nHost: g\r\n${line}\r\n\r\n${beginning}`);
    const tookMs = await trickle(connection, bytes, SLOW_BODY_MS);
    return [tookMs, connection.bytes.toString('latin1').slice(0, 12)] as const;
  });
  for (const [tookMs, answer] of await Promise.all(slow)) {
    expect(tookMs).toBeLessThan(SLOW_BODY_MS);
    expect(answer).toBe('HTTP/1.1 408');
  }
  await until(() => gateway.gateway.running.size === 0);
});

test('a body nobody asked for does not keep a refused request', async () => {
  const connection = await connectRaw(gateway.url);
  await connection.send(`POST /keyed/x HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000\r\n\r\n`);
  expect(await trickle(connection, 'x')).toBeLessThan(5_000);
});

test('readers that stop are given up after the idle time, with little held for each', async () => {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let written = 0;
  upstream.play(async (call) => {
    await call.write('HTTP/1.1 200 OK\r\n\r\n');
    while (call.socket.writable) {
      await call.write(chunk);
      written += chunk.length;
    }
  });
  const before = process.memoryUsage().rss;
  const readers = await connectMany(100);
  for (const reader of readers) {
    await reader.send(get('/open/endless'));
    await reader.readHead();
    reader.socket.pause();
  }
  await until(() => gateway.gateway.running.size === 0, { timeoutMs: 20_000 });
  expect(written / readers.length).toBeLessThan(16 * 1024 * 1024);
  expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
  for (const reader of readers) reader.destroy();
});

test('afterwards everything works', async () => {
  expect(await sendRaw(gateway.url, get('/open/x'))).toMatchObject({ status: 200 });
  const keyed = `GET /keyed/x HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\n\r\n`;
  expect(await sendRaw(gateway.url, keyed)).toMatchObject({ status: 200 });
});
