import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../support/poll.ts';
import { sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const server = createServer();
const sockets = new WebSocketServer({ server });
let refusing: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  refusing = await startRawUpstream();
  const { port } = server.address() as AddressInfo;
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  ws: { url: "http://127.0.0.1:${port}", rate_limit: 1000 }
  few: { url: "http://127.0.0.1:${port}", rate_limit: 1 }
  refusing: { url: "${refusing.url}" }
  chat: { kind: llm, url: "http://127.0.0.1:${port}/v1", operations: ["GET /x"] }
`);
});

afterAll(async () => {
  await gateway.close();
  for (const client of sockets.clients) client.terminate();
  sockets.close();
  server.closeAllConnections();
  server.close();
  await refusing.close();
});

function connect(path: string, headers: Record<string, string> = { 'X-API-Key': API_KEY }): WebSocket {
  const socket = new WebSocket(gateway.url.replace('http', 'ws') + path, { headers });
  socket.on('error', () => {});
  return socket;
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
}

function refused(socket: WebSocket): Promise<number | undefined> {
  return new Promise((resolve) => socket.once('unexpected-response', (_req, res) => resolve(res.statusCode)));
}

function handshake(path: string, more = ''): string {
  const offer =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  return `GET ${path} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\n${offer}${more}\r\n`;
}

describe('a WebSocket', () => {
  test('carries messages both ways and leaves one log line with status 101', async () => {
    const socket = connect('/ws/room?x=1');
    await opened(socket);
    const message = new Promise<string>((resolve) =>
      socket.once('message', (data: Buffer) => resolve(data.toString())),
    );
    socket.send('hello');
    expect(await message).toBe('echo hello');
    expect(gateway.gateway.tunnels.size).toBe(1);
    socket.close();
    await until(() => gateway.logged.some((line) => line['status'] === 101));
    expect(gateway.logged.filter((line) => line['status'] === 101)).toEqual([
      expect.objectContaining({ path: '/ws/room', service: 'ws', outcome: 'completed', attempts: 1 }),
    ]);
    await until(() => gateway.gateway.tunnels.size === 0 && sockets.clients.size === 0);
  });

  test('without a key is refused with 401 and never reaches the upstream', async () => {
    const before = sockets.clients.size;
    expect(await refused(connect('/ws/room', {}))).toBe(401);
    expect(sockets.clients.size).toBe(before);
  });

  test('counts against the limit', async () => {
    const first = connect('/few/a');
    await opened(first);
    expect(await refused(connect('/few/b'))).toBe(429);
    first.close();
  });

  test('passes the same edge: a dot segment is 400', async () => {
    expect(await sendRaw(gateway.url, handshake('/ws/%2e%2e/admin'))).toMatchObject({ status: 400 });
  });

  test('is 400 on a route that does not carry it', async () => {
    const answer = await sendRaw(gateway.url, handshake('/chat/x'));
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.text).toContain('UPGRADE_REFUSED');
  });

  test('loses forged identity and forwarding headers, and the key', async () => {
    refusing.play(async (call) => {
      await call.received;
      await call.answer(403, 'no');
    });
    const forged = 'X-Consumer-Id: root\r\nX-Forwarded-For: 1.2.3.4\r\nX-Evil: 1\r\n'.replace(
      'X-Evil: 1',
      'Keep-Alive: x',
    );
    const answer = await sendRaw(gateway.url, handshake('/refusing/room', forged));
    expect(answer).toMatchObject({ status: 403 });
    const received = refusing.requests.at(-1);
    expect(received?.target).toBe('/room');
    expect(received?.headers.get('x-consumer-id')).toBe('dev_user');
    expect(received?.headers.get('x-forwarded-for')).toBe('127.0.0.1');
    expect([...(received?.headers.all('x-api-key') ?? []), ...(received?.headers.all('keep-alive') ?? [])]).toEqual([]);
    expect(received?.headers.get('upgrade')).toBe('websocket');
  });

  test('to an upstream that is gone is 502, and the gateway lives on', async () => {
    await refusing.close();
    expect(await sendRaw(gateway.url, handshake('/refusing/room'))).toMatchObject({ status: 502 });
    await refusing.reopen();
  });

  test('closes on the client’s side when the upstream closes', async () => {
    const socket = connect('/ws/room');
    await opened(socket);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    for (const client of sockets.clients) client.terminate();
    await closed;
    await until(() => gateway.gateway.tunnels.size === 0);
  });
});

test('any other upgrade offer is ignored and the request served as HTTP/1.1', async () => {
  refusing.play(async (call) => {
    await call.received;
    await call.answer(200, 'plain');
  });
  const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
  const answer = await sendRaw(
    gateway.url,
    `GET /refusing/x HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\n${offer}\r\n`,
  );
  expect(answer).toMatchObject({ status: 200, text: 'plain' });
  expect(refusing.requests.at(-1)?.headers.all('upgrade')).toEqual([]);
  expect(refusing.requests.at(-1)?.headers.all('http2-settings')).toEqual([]);
});
