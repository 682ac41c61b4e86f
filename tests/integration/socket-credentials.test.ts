// A browser sets no header of a WebSocket handshake: the credential comes as a subprotocol or, where allowed, in the query.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { asAdmin } from '../support/api-client.ts';
import { until } from '../support/poll.ts';
import { API_KEY, MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const server = createServer();
const sockets = new WebSocketServer({ server, handleProtocols: (offered) => offered.has('chat') && 'chat' });
const handshakes: IncomingMessage[] = [];
let gateway: TestGateway;
let issued: { readonly api_key: string; readonly id: string };

const admin = (...args: Parameters<ReturnType<typeof asAdmin>>) => asAdmin(gateway.url)(...args);

beforeAll(async () => {
  sockets.on('connection', (_socket, req) => handshakes.push(req));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `"http://127.0.0.1:${(server.address() as AddressInfo).port}"`;
  const config = `
settings: { ${QUICK_SHUTDOWN} }
services:
  ws: { url: ${url} }
  queried: { url: ${url}, auth: { token_in_query: true } }
  passing: { url: ${url}, headers: { forward_credentials: true } }
  open: { url: ${url}, auth: false }
`;
  gateway = await startTestGateway(config, { env: { MASTER_KEY } });
  issued = (await admin('post', '/admin/generate_key', { owner: 'page' })).body;
});

afterAll(async () => {
  await gateway.close();
  for (const client of sockets.clients) client.terminate();
  sockets.close();
  server.closeAllConnections();
  server.close();
});

beforeEach(() => void handshakes.splice(0));

interface Opened {
  readonly socket: WebSocket;
  /** What the client was answered. */
  readonly protocol: string;
  readonly url: string | undefined;
  readonly offered: string | undefined;
  readonly authorization: string | undefined;
}

async function open(path: string, offers: string[], headers: Record<string, string> = {}): Promise<Opened> {
  const socket = new WebSocket(gateway.url.replace('http', 'ws') + path, offers, { headers });
  await new Promise((resolve, reject) => void socket.once('open', resolve).once('error', reject));
  await until(() => handshakes.length > 0);
  const { url, headers: got } = handshakes.splice(0)[0] as IncomingMessage;
  const { 'sec-websocket-protocol': offered, authorization } = got;
  expect(got['x-api-key']).toBeUndefined();
  return { socket, protocol: socket.protocol, url, offered, authorization };
}

async function refusalOf(path: string, offers: string[] = []): Promise<number | undefined> {
  const socket = new WebSocket(gateway.url.replace('http', 'ws') + path, offers);
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('unexpected-response', (_req, res) => resolve(res.statusCode)));
}

const KEY_ENTRY = `openai-insecure-api-key.${API_KEY}`;
const KEYED = { 'X-API-Key': API_KEY };

test.each<[string, string, string[], Record<string, string>, [string, string, string | undefined]]>([
  ['a key alone', '/ws/room?x=1', ['bearer', API_KEY], {}, ['bearer', '/room?x=1', undefined]],
  ['the word in another case', '/ws/room', ['Bearer', API_KEY], {}, ['Bearer', '/room', undefined]],
  ['a key before a protocol', '/ws/room', ['bearer', API_KEY, 'chat'], {}, ['chat', '/room', 'chat']],
  ['a key behind protocols', '/ws/room', ['v2', 'chat', 'bearer', API_KEY], {}, ['chat', '/room', 'v2, chat']],
  ['an entry of OpenAI', '/ws/room', ['chat', KEY_ENTRY, 'v1'], {}, ['chat', '/room', 'chat, v1']],
  ['a query', `/queried/a?x=1&access_token=${API_KEY}&y=%20`, ['chat'], {}, ['chat', '/a?x=1&y=%20', 'chat']],
  ['an escaped query', `/queried/a?access%5Ftoken=${API_KEY}`, ['chat'], {}, ['chat', '/a', 'chat']],
  ['a header and a query', '/queried/a?access_token=other', ['chat'], KEYED, ['chat', '/a', 'chat']],
  ['a header and the same key', '/ws/a', ['bearer', API_KEY], KEYED, ['bearer', '/a', undefined]],
  [
    'a header and what the upstream reads',
    '/ws/a',
    ['bearer', 'its', 'chat'],
    KEYED,
    ['chat', '/a', 'bearer,its,chat'],
  ],
  ['no credential of ours', '/open/a', ['bearer', 'its', 'chat'], {}, ['chat', '/a', 'bearer,its,chat']],
])(
  'a handshake with %s opens, and the credential stays here',
  async (_what, path, offers, headers, [protocol, url, offered]) => {
    const { socket, ...seen } = await open(path, offers, headers);
    expect(seen).toEqual({ protocol, url, offered, authorization: undefined });
    socket.close();
  },
);

test('an issued key does not pass a route that asks nobody', async () => {
  const { socket, ...seen } = await open('/open/a', ['bearer', issued.api_key]);
  expect(seen).toEqual({ protocol: 'bearer', url: '/a', offered: undefined, authorization: undefined });
  socket.close();
});

test('where credentials are forwarded it arrives as a bearer', async () => {
  const { socket, ...seen } = await open('/passing/a', ['bearer', API_KEY]);
  const authorization = `Bearer ${API_KEY}`;
  expect(seen).toEqual({ protocol: 'bearer', url: '/a', offered: undefined, authorization });
  socket.close();
});

test.each<[string, string, string[]]>([
  ['a key that is none', '/ws/room', ['bearer', 'nobody']],
  ['the word without a key', '/ws/room', ['chat', 'bearer']],
  ['a key without the word', '/ws/room', ['chat', API_KEY]],
  ['a query where it is not switched on', `/ws/room?access_token=${API_KEY}`, []],
  ['an empty query', '/queried/room?access_token=', []],
  ['another name in the query', `/queried/room?api_key=${API_KEY}`, []],
])('%s is 401 and reaches no upstream', async (_what, path, offers) => {
  expect(await refusalOf(path, offers)).toBe(401);
  expect(handshakes).toEqual([]);
});

test('only a WebSocket may bring one so', async () => {
  const headers = { 'Sec-WebSocket-Protocol': `bearer, ${API_KEY}` };
  expect((await fetch(`${gateway.url}/queried/a?access_token=${API_KEY}`, { headers })).status).toBe(401);
});

test('two credentials of different callers are 401', async () => {
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/ws/a`, ['bearer', issued.api_key], {
    headers: KEYED,
  });
  socket.on('error', () => {});
  expect(await new Promise((resolve) => socket.once('unexpected-response', (_q, res) => resolve(res.statusCode)))).toBe(
    401,
  );
});

test('a change that takes nothing away leaves the socket open, and revoking the key ends it', async () => {
  const { socket } = await open('/ws/room', ['bearer', issued.api_key]);
  const { socket: kept } = await open('/ws/room', ['bearer', API_KEY]);
  await admin('patch', `/admin/keys/${issued.id}`, { name: 'renamed' });
  const pong = new Promise((resolve) => socket.once('pong', resolve));
  socket.ping();
  await pong;
  expect(socket.readyState).toBe(WebSocket.OPEN);
  await admin('delete', `/admin/keys/${issued.id}`);
  await until(() => socket.readyState === WebSocket.CLOSED);
  expect(kept.readyState).toBe(WebSocket.OPEN);
  kept.close();
});

test('no log line holds one', () => {
  const lines = JSON.stringify(gateway.logged);
  expect(lines).toContain('/room');
  expect(lines).not.toContain(API_KEY);
  expect(lines).not.toContain(issued.api_key);
});
