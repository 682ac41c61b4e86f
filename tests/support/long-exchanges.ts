// Exchanges that last as long as a test wants: an upstream that holds them, and clients that end them one by one.
import { type ClientRequest, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { API_KEY } from './start-gateway.ts';

export interface HoldingUpstream {
  readonly url: string;
  /** Paths of everything received, health checks included, in the order in which it came. */
  readonly paths: readonly string[];
  /** Lets the request or stream with this id end, also one that has not arrived yet. */
  release(id: string): void;
  close(): Promise<void>;
}

/** One exchange on its way. `finish` rejects with what was wrong about its answer. */
export interface LongExchange {
  readonly kind: string;
  readonly finish: () => Promise<void>;
}

/**
 * Answers `/…/upload` with the size of the body, `/…/hold?id` and the event stream `/…/stream?id` when released,
 * `/…/retried?id` with 503 the first time, and echoes WebSocket messages.
 */
export async function startHoldingUpstream(): Promise<HoldingUpstream> {
  const paths: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gateOf = (id: string): PromiseWithResolvers<void> => {
    const gate = gates.get(id) ?? Promise.withResolvers<void>();
    gates.set(id, gate);
    return gate;
  };
  const seen = new Set<string>();
  const server = createServer((req, res) => {
    const { pathname, search } = new URL(req.url ?? '', 'http://upstream');
    paths.push(pathname);
    const id = search.slice(1);
    if (pathname.endsWith('/upload')) return countBody(req, res);
    if (pathname.endsWith('/hold')) return void gateOf(id).promise.then(() => res.end(`held ${id}`));
    if (pathname.endsWith('/stream')) return stream(res, gateOf(id).promise);
    if (pathname.endsWith('/retried') && !seen.has(id)) {
      seen.add(id);
      return void res.writeHead(503).end();
    }
    res.end(`ok ${id}`);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    release: (id) => gateOf(id).resolve(),
    close: async () => {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function countBody(req: IncomingMessage, res: ServerResponse): void {
  let bytes = 0;
  req.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => res.end(`received ${bytes}`));
}

function stream(res: ServerResponse, released: Promise<void>): void {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: first\n\n');
  void released.then(() => res.end('data: last\n\n'));
}

interface Through {
  readonly gateway: string;
  readonly upstream: HoldingUpstream;
}

/** Begins one exchange of every kind. `id` is used once. Resolves when each has got as far as it can. */
export function beginLongExchanges(through: Through, id: string): Promise<LongExchange[]> {
  return Promise.all([
    beginUpload(through),
    beginHeld(through, id),
    beginStream(through, id),
    beginRetried(through, id),
    beginTunnel(through),
  ]);
}

async function beginUpload({ gateway }: Through): Promise<LongExchange> {
  const { req, answer } = ask(`${gateway}/direct/upload`, 'POST', { 'Content-Length': '20' });
  await new Promise<void>((resolve) => req.write('0123456789', () => resolve()));
  const finish = async (): Promise<void> => {
    req.end('0123456789');
    expectText(await answer, 'received 20');
  };
  return { kind: 'upload', finish };
}

/** The service runs one request at a time: all but the oldest wait in its queue. */
async function beginHeld({ gateway, upstream }: Through, id: string): Promise<LongExchange> {
  const { req, answer } = ask(`${gateway}/single/hold?${id}`, 'GET');
  req.end();
  const finish = async (): Promise<void> => {
    upstream.release(id);
    expectText(await answer, `held ${id}`);
  };
  return { kind: 'queued request', finish };
}

async function beginStream({ gateway, upstream }: Through, id: string): Promise<LongExchange> {
  const { req, answer, begun } = ask(`${gateway}/direct/stream?${id}`, 'GET');
  req.end();
  await begun;
  const finish = async (): Promise<void> => {
    upstream.release(id);
    expectText(await answer, 'data: first\n\ndata: last\n\n');
  };
  return { kind: 'stream', finish };
}

async function beginRetried({ gateway }: Through, id: string): Promise<LongExchange> {
  const { req, answer } = ask(`${gateway}/direct/retried?${id}`, 'GET');
  req.end();
  return { kind: 'retry', finish: async () => expectText(await answer, `ok ${id}`) };
}

async function beginTunnel({ gateway }: Through): Promise<LongExchange> {
  const socket = new WebSocket(`${gateway.replace('http', 'ws')}/direct/tunnel`, { headers: { 'X-API-Key': API_KEY } });
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const finish = async (): Promise<void> => {
    const echo = new Promise<string>((resolve, reject) => {
      socket.once('message', (data: Buffer) => resolve(data.toString())).once('close', () => reject(new Error('cut')));
    });
    socket.send('hello');
    if ((await echo) !== 'echo hello') throw new Error('another message came');
    socket.close();
    await closed;
  };
  return { kind: 'tunnel', finish };
}

interface Asked {
  readonly req: ClientRequest;
  /** Resolves with the head of the answer. */
  readonly begun: Promise<IncomingMessage>;
  /** Status and body; rejects when the answer is cut. */
  readonly answer: Promise<{ readonly status: number; readonly text: string }>;
}

function ask(url: string, method: string, headers: Record<string, string> = {}): Asked {
  const req = request(url, { method, agent: false, headers: { 'X-API-Key': API_KEY, ...headers } });
  const begun = new Promise<IncomingMessage>((resolve, reject) => req.once('response', resolve).once('error', reject));
  const answer = begun.then(async (res) => {
    let text = '';
    for await (const chunk of res) text += String(chunk);
    return { status: res.statusCode ?? 0, text };
  });
  // Looked at only when the exchange is finished.
  answer.catch(() => {});
  begun.catch(() => {});
  return { req, begun, answer };
}

function expectText(got: { readonly status: number; readonly text: string }, text: string): void {
  if (got.status !== 200 || got.text !== text) throw new Error(`got ${got.status} ${JSON.stringify(got.text)}`);
}
