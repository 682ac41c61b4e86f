// A client that asks for something and resets its connection must not take the process with it.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGatewayProcess({ config: 'services:\n  service1: { url: "http://127.0.0.1:9" }\n' });
});
afterAll(async () => void (await gateway?.stop()));

const handshake = 'Connection: Upgrade\r\nUpgrade: websocket\r\nX-API-Key: nobody\r\nSec-WebSocket-Version: 13\r\n';

/** Sends a head and resets the connection `afterMs` later: before, while or after it is answered. */
async function sendAndReset(head: string, afterMs: number): Promise<void> {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`${head}\r\n`);
  await delay(afterMs);
  socket.resetAndDestroy();
}

test.each([
  ['a WebSocket handshake that no route takes', `GET /nowhere HTTP/1.1\r\nHost: x\r\n${handshake}`],
  ['a WebSocket handshake with an unknown key', `GET /service1/x HTTP/1.1\r\nHost: x\r\n${handshake}`],
  ['a CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n'],
  ['a request', 'GET /service1/x HTTP/1.1\r\nHost: x\r\nX-API-Key: nobody\r\n'],
])('the gateway survives %s whose connection is reset', async (_name, head) => {
  for (let n = 0; n < 80; n += 1) await sendAndReset(head, n % 4);
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
  expect(gateway.lines.filter((line) => line.includes('"fatal"'))).toEqual([]);
});
