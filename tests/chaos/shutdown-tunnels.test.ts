// WebSockets when the gateway that carries them shuts down.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../support/poll.ts';
import { connectRaw } from '../support/raw-client.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

interface Closing {
  readonly code: number;
  readonly messages: readonly string[];
}

const server = createServer();
const sockets = new WebSocketServer({ server });
const upstreamCodes: number[] = [];
const rawUpgrades: Socket[] = [];
let gateway: TestGateway;

beforeEach(async () => {
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`));
    socket.on('close', (code: number) => upstreamCodes.push(code));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  gateway = await startTestGateway(
    `settings: { ${QUICK_SHUTDOWN} }\nservices: { ws: { url: "http://127.0.0.1:${port}" } }\n`,
  );
});
afterEach(async () => {
  await gateway.close();
  for (const client of sockets.clients) client.terminate();
  for (const socket of rawUpgrades) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function open(path: string): Promise<{ socket: WebSocket; closing: Promise<Closing> }> {
  const socket = new WebSocket(gateway.url.replace('http', 'ws') + path, { headers: { 'X-API-Key': API_KEY } });
  const messages: string[] = [];
  socket.on('message', (data: Buffer) => messages.push(data.toString()));
  const closing = new Promise<Closing>((resolve) =>
    socket.once('close', (code: number) => resolve({ code, messages })),
  );
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return { socket, closing };
}

test('both sides of a tunnel get close frame 1001, and what they said before arrives', async () => {
  const { socket, closing } = await open('/ws/room');
  socket.send('hello');
  await until(() => sockets.clients.size === 1);
  const stopped = gateway.stop();
  expect(await closing).toEqual({ code: 1001, messages: ['echo hello'] });
  await stopped;
  await until(() => upstreamCodes.length === 1);
  expect(upstreamCodes).toEqual([1001]);
});

test('a frame that has begun is completed before the close frame, and a handshake without an answer is 503', async () => {
  server.removeAllListeners('upgrade');
  server.on('upgrade', (_req, socket: Socket) => rawUpgrades.push(socket));
  const handshake = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const [open, pending] = [await connectRaw(gateway.url), await connectRaw(gateway.url)];
  await open.send(handshake('/ws/open'));
  await until(() => rawUpgrades.length === 1);
  const upstream = rawUpgrades[0] as Socket;
  // The first part of a frame comes in the packet of the agreement.
  upstream.write(
    'HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x0ahello',
    'latin1',
  );
  await open.readThrough('hello');
  await pending.send(handshake('/ws/pending'));
  await until(() => rawUpgrades.length === 2);
  const stopped = gateway.stop();
  const refused = await pending.read();
  expect([refused.status, refused.text]).toEqual([503, expect.stringContaining('DRAINING')]);
  upstream.write('world\x81\x04lost', 'latin1');
  open.end();
  expect(await open.closed).toBe('fin');
  expect(open.bytes.subarray(-'world\x88\x02\x03\xe9'.length).toString('latin1')).toBe('world\x88\x02\x03\xe9');
  pending.end();
  await stopped;
});
