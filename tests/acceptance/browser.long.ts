// An application in a real browser, on another origin than the shipped configuration: what a page may do and see.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { findExecutable } from '../support/executable.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const root = join(import.meta.dirname, '../..');
const chromium = findExecutable('chromium');
if (!chromium) process.stderr.write('browser: left out, because Chromium is not installed\n');

const profile = makeTempDir('chromium');
const handshakes: IncomingMessage[] = [];
const room = createServer();
const sockets = new WebSocketServer({ server: room, handleProtocols: (offered) => offered.has('chat') && 'chat' });
let app: Server;
let results: Promise<Record<string, unknown>>;
let llm: RunningService;
let gateway: GatewayProcess;
let browser: ChildProcess | undefined;

beforeAll(async () => {
  sockets.on('connection', (socket, req) => {
    handshakes.push(req);
    socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`));
  });
  await once(room.listen(0, '127.0.0.1'), 'listening');
  await startApp();
  llm = await startLlm({ port: 0 });
  gateway = await startGatewayProcess({
    config: readFileSync(join(root, 'gateway_config.yaml'), 'utf8'),
    timeoutMs: 60_000,
    env: {
      SECRET_KEY: 'nobody-knows-this-one-0123456789abcdef',
      ALLOWED_ORIGINS: addressOf(app),
      SERVICE2_URL: addressOf(room),
      OPENAI_BASE_URL: `${llm.url}/v1`,
    },
  });
});

afterAll(async () => {
  await endBrowser();
  await gateway.stop();
  await llm.close();
  for (const client of sockets.clients) client.terminate();
  sockets.close();
  for (const server of [room, app]) {
    server.closeAllConnections();
    server.close();
  }
  removeTempDir(profile);
});

const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Serves the page and takes what it reports. */
async function startApp(): Promise<void> {
  const page = readFileSync(join(import.meta.dirname, 'browser-app.html'));
  const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
  results = promise;
  app = createServer((req, res) => {
    if (req.method === 'POST') json(req).then((body) => resolve(body as Record<string, unknown>), reject);
    res.setHeader('Content-Type', 'text/html').end(req.method === 'POST' ? '' : page);
  });
  await once(app.listen(0, '127.0.0.1'), 'listening');
}

function openBrowser(program: string, address: string): void {
  const flags = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking';
  const more = ['--disable-component-update', '--disable-sync', `--user-data-dir=${profile}`, address];
  const { PATH = '' } = process.env;
  const env = { PATH, HOME: profile };
  browser = spawn(program, [...flags.split(' '), ...more], { env, stdio: 'ignore', detached: true });
}

/** With all the processes it has started. */
async function endBrowser(): Promise<void> {
  if (browser?.pid === undefined || browser.exitCode !== null) return;
  const ended = once(browser, 'close');
  process.kill(-browser.pid, 'SIGKILL');
  await ended;
}

const inBrowser = chromium ? test : test.skip;

inBrowser('a page signs up, chats, reads its usage, opens WebSockets and reads when to come back', async () => {
  openBrowser(chromium as string, `${addressOf(app)}/?gateway=${encodeURIComponent(gateway.url)}`);
  const seen = await results;
  expect(seen).toMatchObject({
    statuses: [201, 200, 201],
    stream: { status: 200, type: expect.stringContaining('text/event-stream'), isWhole: true },
    usage: { user_id: expect.stringMatching(/^usr_/), tokens: { today: { output: expect.any(Number) } } },
    sockets: {
      key: { protocol: 'bearer', data: 'echo from the page' },
      token: { protocol: 'chat', data: 'echo from the page' },
      openai: { protocol: 'chat', data: 'echo from the page' },
      nobody: { failed: true },
      none: { failed: true },
    },
    refused: {
      calls: expect.any(Number),
      code: 'RATE_LIMIT_EXCEEDED',
      retryAfter: expect.stringMatching(/^[1-9]\d*$/),
      limit: '10',
      id: expect.stringMatching(/^req_/),
    },
  });
  const offered = handshakes.map(({ headers }) => [headers['sec-websocket-protocol'], headers.authorization]);
  expect(offered).toEqual([
    [undefined, undefined],
    ['chat', undefined],
    ['chat', undefined],
  ]);
});
