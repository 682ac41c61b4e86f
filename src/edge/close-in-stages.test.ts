import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { closeInStages, watchReading } from './close-in-stages.ts';

let server: Server;
let client: Socket;
let socket: Socket;

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  [socket] = (await once(server, 'connection')) as [Socket];
  socket.on('error', () => undefined);
  client.on('error', () => undefined);
  client.resume();
  socket.resume();
});
afterEach(() => {
  client.destroy();
  socket.destroy();
  server.close();
});

test('our side ends at once, and the rest when the client has ended too', async () => {
  closeInStages(socket);
  await once(client, 'end');
  expect(socket.destroyed).toBe(false);
  client.write('what nobody reads any more');
  client.end();
  await once(socket, 'close');
});

test('a client that says nothing any more is cut', async () => {
  watchReading(socket, () => false, { silenceMs: 100, totalMs: 10_000 });
  await once(socket, 'close');
});

test('a client that goes on for ever is cut, too', async () => {
  const timer = setInterval(() => client.write('x'), 50);
  watchReading(socket, () => false, { silenceMs: 10_000, totalMs: 300 });
  await once(socket, 'close');
  clearInterval(timer);
});

test('what is done is left alone', async () => {
  let looks = 0;
  watchReading(socket, () => ++looks > 0, { silenceMs: 0, totalMs: 0 });
  while (looks === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(socket.destroyed).toBe(false);
});
