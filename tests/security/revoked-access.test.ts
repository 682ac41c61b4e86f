// Revoking and disabling end what runs, on every gateway that shares the database: tunnels, streams and waiting requests.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { asAdmin } from '../support/api-client.ts';
import { until } from '../support/poll.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';
import { SECRET } from '../support/token-forge.ts';

const IN_FORCE_MS = 2000;
const open = new Set<ServerResponse>();
const upstream = createServer((req, res) => {
  open.add(res);
  res.once('close', () => open.delete(res));
  if (req.url?.startsWith('/stream')) res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
});
const sockets = new WebSocketServer({ server: upstream });
sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(data.toString())));

const folder = mkdtempSync(join(tmpdir(), 'turnpike-revoked-'));
let gateways: TestGateway[] = [];

beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const config = `
settings: { ${QUICK_SHUTDOWN} }
services: { up: { url: "${url}", timeout: { first_byte: 60s }, retry: false } }
`;
  const env = { DATABASE_URL: `sqlite:${join(folder, 'shared.db')}`, SECRET_KEY: SECRET, MASTER_KEY };
  const first = await startTestGateway(config, { env });
  gateways = [first, await startTestGateway(config, { env })];
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  sockets.close();
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

const admin = (...args: Parameters<ReturnType<typeof asAdmin>>) => asAdmin((gateways[0] as TestGateway).url)(...args);

/** What came of a stream before it broke off. */
async function readWhatCame({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    // A stream that is ended has no end.
  }
  return text;
}

/** Everything somebody can have running, at both gateways. */
async function begin(credential: string) {
  const headers = { Authorization: `Bearer ${credential}` };
  const running = await Promise.all(
    gateways.map(async ({ url }) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/up/ws`, { headers });
      await new Promise((resolve, reject) => void socket.once('open', resolve).once('error', reject));
      const stream = await fetch(`${url}/up/stream`, { headers });
      const before = open.size;
      const waiting = fetch(`${url}/up/wait`, { headers }).then(
        (res) => res.status,
        () => 0,
      );
      await until(() => open.size > before);
      return { socket, stream: readWhatCame(stream), waiting };
    }),
  );
  return {
    echoes: () =>
      Promise.all(
        running.map(
          ({ socket }) => new Promise((resolve) => (socket.once('message', resolve), socket.send('still here'))),
        ),
      ),
    ended: async () => {
      const all = running.map(async ({ socket, stream, waiting }) => {
        await until(() => socket.readyState === WebSocket.CLOSED);
        return [await waiting, (await stream).includes('REVOKED_CREDENTIAL')];
      });
      return Promise.all(all);
    },
    isOpen: () => running.every(({ socket }) => socket.readyState === WebSocket.OPEN),
  };
}

async function expectEnd(credential: string, change: () => Promise<unknown>): Promise<void> {
  const bystander = (await admin('post', '/admin/generate_key', { owner: 'bystander' })).body;
  const [victim, other] = [await begin(credential), await begin(bystander.api_key)];
  await victim.echoes();
  await change();
  const since = performance.now();
  expect(await victim.ended()).toEqual([
    [401, true],
    [401, true],
  ]);
  // The change feed is read every second; the rest is for a busy machine.
  expect(performance.now() - since).toBeLessThan(IN_FORCE_MS + 3000);
  await other.echoes();
  expect(other.isOpen()).toBe(true);
  await admin('delete', `/admin/keys/${bystander.id}`);
  await other.ended();
  expect(open.size).toBe(0);
}

const issue = async (owner: string) => (await admin('post', '/admin/generate_key', { owner })).body;
const token = async (username: string) => (await admin('post', '/auth/token', { username })).body.access_token;

test('of a revoked key, at once here and within two seconds elsewhere', async () => {
  const { api_key, id } = await issue('ada');
  await expectEnd(api_key, () => admin('delete', `/admin/keys/${id}`));
});

test('of a disabled consumer, whose tokens stay refused when it is active again', async () => {
  const { body } = await admin('post', '/admin/consumers', { name: 'bob' });
  const access = await token(body.id);
  await expectEnd(access, () => admin('delete', `/admin/consumers/${body.id}`));
  await admin('patch', `/admin/consumers/${body.id}`, { status: 'active' });
  for (const { url } of gateways) {
    const statusOf = async (text: string) =>
      (await fetch(`${url}/v1/auth/me`, { headers: { Authorization: `Bearer ${text}` } })).status;
    await until(async () => (await statusOf(await token(body.id))) === 200);
    expect(await statusOf(access)).toBe(401);
  }
});

test('of a revoked token, and of a person who is erased with everything that names them', async () => {
  const stranger = await token('stranger');
  await expectEnd(stranger, () => admin('post', '/admin/tokens/revoke', { consumer: 'stranger' }));
  const { api_key, id } = await issue('forgotten');
  const key = (await admin('get', `/admin/keys/${id}`)).body;
  await expectEnd(api_key, async () => {
    const erased = await admin('post', `/admin/consumers/${key.owner.id}/erase`);
    expect([erased.status, erased.body.keys]).toEqual([200, 1]);
  });
  expect((await admin('get', `/admin/keys/${id}`)).status).toBe(404);
  expect((await admin('get', `/admin/consumers/${key.owner.id}`)).status).toBe(404);
});

test('but not of a key that is only changed', async () => {
  const { api_key, id } = await issue('carol');
  const running = await begin(api_key);
  await admin('patch', `/admin/keys/${id}`, { name: 'another name' });
  await running.echoes();
  expect(running.isOpen()).toBe(true);
  await admin('delete', `/admin/keys/${id}`);
  await running.ended();
});
