// WebSocket handshakes follow the same rules as requests: TLS, other targets, breakers, deadlines, and nothing lost.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { authority, served } from '../support/certificates.ts';
import { findFreePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { connectRaw, type RawConnection, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const secure = createServer(served);
const sockets = new WebSocketServer({ server: secure });
let upstream: RawUpstream;
let gateway: TestGateway;

const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const AGREEMENT = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;

function handshake(path: string): string {
  const offer = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  return `GET ${path} HTTP/1.1\r\nHost: evil.test\r\n${offer}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
}

/** Agrees, and sends everything back. */
const echo: Script = async (call) => {
  await call.received;
  await call.write(AGREEMENT);
  for (let bytes = await call.readTunnel(); bytes.length > 0; bytes = await call.readTunnel()) await call.write(bytes);
};

beforeAll(async () => {
  upstream = await startRawUpstream();
  sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(data.toString())));
  await once(secure.listen(0, '127.0.0.1'), 'listening');
  const { port } = secure.address() as AddressInfo;
  const gone = await findFreePort();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
defaults: { auth: false }
services:
  secure: { targets: [{ url: "https://localhost:${port}", tls: { ca: "${authority.path}" } }] }
  named: { targets: [{ url: "https://127.0.0.1:${port}", tls: { ca: "${authority.path}", server_name: localhost } }] }
  preserving: { targets: [{ url: "https://localhost:${port}", tls: { ca: "${authority.path}" } }], headers: { preserve_host: true } }
  untrusted: { url: "https://localhost:${port}", retry: false }
  half: { targets: [{ url: "http://127.0.0.1:${gone}" }, { url: "${upstream.url}" }], circuit_breaker: { min_requests: 4 } }
  one: { url: "${upstream.url}", retry: false, timeout: { first_byte: 150ms } }
  fragile: { url: "${upstream.url}", retry: false, circuit_breaker: { min_requests: 2, error_percent: 10 } }
`);
});
beforeEach(() => upstream.play(echo));
afterAll(async () => {
  await gateway.close();
  for (const client of sockets.clients) client.terminate();
  sockets.close();
  secure.closeAllConnections();
  secure.close();
  await upstream.close();
});

async function openTunnel(path: string, early = ''): Promise<RawConnection> {
  const client = await connectRaw(gateway.url);
  await client.send(handshake(path) + early);
  expect(await client.readHead()).toMatchObject({ status: 101 });
  return client;
}

describe('over TLS', () => {
  test.each(['secure', 'named', 'preserving'])(
    '%s: the trust and the name are those of the target',
    async (service) => {
      const client = await openTunnel(`/${service}/x`);
      await client.send(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
      await client.readThrough('hi');
      client.destroy();
    },
  );

  test('a certificate that is not trusted is 502', async () => {
    expect(await sendRaw(gateway.url, handshake('/untrusted/x'))).toMatchObject({ status: 502 });
  });
});

describe('a target that is down', () => {
  test('costs no handshake: another one is asked, and the breaker of the first opens', async () => {
    for (let i = 0; i < 8; i++) (await openTunnel('/half/x')).destroy();
    const [gone] = gateway.gateway.services.get('half')?.targets ?? [];
    expect(gone?.isAdmitting).toBe(false);
    await until(() => gateway.gateway.tunnels.size === 0);
    expect(gateway.gateway.services.get('half')?.targets.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });
});

describe('an upstream that does not agree', () => {
  test.each<[string, Script, number]>([
    ['with another protocol', (call) => call.write(AGREEMENT.replace('websocket', 'foo')), 502],
    ['with a reset', (call) => call.reset(), 502],
    ['with silence', () => {}, 504],
    ['with garbage', (call) => call.write('SSH-2.0-OpenSSH_9\r\n\r\n'), 502],
    ['with a status', (call) => call.answer(403, 'no'), 403],
  ])('%s', async (_name, script, status) => {
    upstream.play(async (call) => {
      await call.received;
      await script(call);
    });
    expect(await sendRaw(gateway.url, handshake('/one/x'))).toMatchObject({ status });
    await until(() => gateway.gateway.tunnels.size === 0);
    expect(gateway.gateway.services.get('one')?.targets[0]?.inFlight).toBe(0);
  });

  test('counts for its breaker; a client that leaves does not', async () => {
    upstream.play(() => {});
    for (let i = 0; i < 4; i++) {
      const before = upstream.requests.length;
      const client = await connectRaw(gateway.url);
      await client.send(handshake('/fragile/x'));
      await until(() => upstream.requests.length > before);
      client.destroy();
    }
    await until(() => gateway.gateway.tunnels.size === 0);
    expect(gateway.gateway.services.get('fragile')?.targets[0]?.isAdmitting).toBe(true);
    upstream.play((call) => call.reset());
    for (let i = 0; i < 2; i++) await sendRaw(gateway.url, handshake('/fragile/x'));
    expect(await sendRaw(gateway.url, handshake('/fragile/x'))).toMatchObject({ status: 503 });
  });
});

describe('bytes that come too early', () => {
  test('with the handshake, or before the upstream agreed, arrive in order and before what follows', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    upstream.play(async (call) => {
      await promise;
      await echo(call);
    });
    const client = await connectRaw(gateway.url);
    await client.send(`${handshake('/one/x')}EARLY`);
    await until(() => gateway.gateway.tunnels.size === 1);
    await client.send('+SOON');
    resolve();
    await client.readHead();
    await client.send('+LATE');
    await client.readThrough('EARLY+SOON+LATE');
    client.destroy();
  });

  test('with the agreement reach the client', async () => {
    upstream.play((call) => call.write(`${AGREEMENT}FIRST`));
    const client = await openTunnel('/one/x');
    await client.readThrough('FIRST');
    client.destroy();
  });
});
