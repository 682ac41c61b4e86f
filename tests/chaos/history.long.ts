// Three gateways on one Redis and one database, killed while they serve; Redis comes back empty, and from an old dump. What
// clients and upstream saw is held against what limits, budgets and records promise.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/storage/database.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { describeWithPostgres } from '../support/server-suite.ts';

const GATEWAYS = 3;
const WINDOW_MS = 2_000;
const LIMITS = { strict: 40, leased: 160 } as const;
const BUDGET = 10_000;
/** What one answer of the model uses; at most RESERVED are taken for it in advance. */
const USED = 50;
const RESERVED = 130;
const WORKERS = { strict: 2, leased: 5, chat: 2 } as const;
const API_KEY = 'sk_test_key_of_the_history';

type Service = keyof typeof WORKERS;

/** A request that reached the upstream. It was admitted at some moment between these two. */
interface Passed {
  readonly sentAt: number;
  readonly arrivedAt: number;
}

/** What was seen by those who do not belong to the gateway. */
class History {
  readonly sent = new Map<string, number>();
  readonly passed: Record<Service, Passed[]> = { strict: [], leased: [], chat: [] };
  /** Ids of answers to calls of the model that a client has whole. */
  readonly answered: string[] = [];
  /** Ids of calls that the model has answered. */
  readonly modelCalls: string[] = [];

  arrive(service: Service, id: string): void {
    const arrivedAt = performance.now();
    this.passed[service].push({ sentAt: this.sent.get(id) ?? arrivedAt, arrivedAt });
  }

  /** The most requests that were certainly admitted within one window that began in the span. */
  fullestWindow(service: Service, { from, to }: Span): number {
    const all = this.passed[service];
    return all.reduce((most, { sentAt: start }) => {
      if (start < from || start > to) return most;
      const inside = all.filter(({ sentAt, arrivedAt }) => sentAt >= start && arrivedAt <= start + WINDOW_MS);
      return Math.max(most, inside.length);
    }, 0);
  }

  get spent(): number {
    return this.modelCalls.length * USED;
  }
}

interface Span {
  readonly from: number;
  readonly to: number;
}

let history: History;
let upstream: Server;
let redis: RedisServer;

beforeAll(async () => {
  history = new History();
  upstream = createServer((req, res) => {
    const service = serviceOf(req);
    const id = service === 'chat' ? String(req.headers['x-request-id']) : String(req.url).slice(1);
    history.arrive(service, id);
    req.resume().once('end', () => {
      if (service !== 'chat') return void res.end('ok');
      history.modelCalls.push(id);
      const usage = { prompt_tokens: USED - 30, completion_tokens: 30, total_tokens: USED };
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'so' } }], usage }));
    });
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  redis = await startRedis({ own: true });
});

afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await redis.stop();
});

function serviceOf({ url, headers }: IncomingMessage): Service {
  if (url === '/v1/chat/completions') return 'chat';
  return headers['x-forwarded-prefix'] === '/strict' ? 'strict' : 'leased';
}

function configFor(port: number): string {
  const url = `http://127.0.0.1:${port}`;
  const limited = (mode: 'strict' | 'leased'): string => `
  ${mode}:
    url: "${url}"
    auth: false
    retry: false
    circuit_breaker: false
    rate_limit: { limits: [{ limit: ${LIMITS[mode]}, window: ${WINDOW_MS}ms, per: [service], mode: ${mode} }] }`;
  return `
settings: { shutdown: { grace: 0s, drain: 1s, flush: 3s } }
services:${limited('strict')}${limited('leased')}
  chat:
    kind: llm
    url: "${url}/v1"
    retry: false
    circuit_breaker: false
    budget: { tokens: ${BUDGET}, every: day, per: [global] }
    models: { entries: { gpt: { price: { input_per_million: 10, output_per_million: 20 } } } }
`;
}

/** Clients that ask one gateway after the other until told to stop. */
function startClients(gateways: readonly GatewayProcess[]): { stop(): Promise<void> } {
  let isOn = true;
  const ask = async (service: Service): Promise<void> => {
    const id = randomUUID();
    const { url } = gateways[Math.floor(Math.random() * gateways.length)] as GatewayProcess;
    history.sent.set(id, performance.now());
    const isChat = service === 'chat';
    try {
      const res = await fetch(url + (isChat ? '/v1/chat/completions' : `/${service}/${id}`), {
        method: 'POST',
        headers: { 'x-api-key': API_KEY, 'content-type': 'application/json', 'x-request-id': id },
        body: JSON.stringify({ model: 'gpt', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] }),
        signal: AbortSignal.timeout(10_000),
      });
      await res.text();
      if (isChat && res.status === 200) history.answered.push(id);
      await delay(res.status === 200 ? 10 : 60);
    } catch {
      // This gateway has been killed.
      await delay(100);
    }
  };
  const services = Object.entries(WORKERS) as [Service, number][];
  const workers = services.flatMap(([service, count]) =>
    Array.from({ length: count }, async () => {
      while (isOn) await ask(service);
    }),
  );
  return {
    stop: async () => {
      isOn = false;
      await Promise.all(workers);
    },
  };
}

/** As a supervisor does it: on a machine with much else to do, a start may give up waiting for the database. */
async function restart(gateway: GatewayProcess): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await gateway.restart();
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

/** How often one of them lost sight of Redis, since its start: on a busy machine an answer may be too late. */
function countOutages(gateways: readonly GatewayProcess[]): number {
  return gateways.flatMap(({ lines }) => lines.filter((line) => line.includes('redis does not answer'))).length;
}

/** Kills them one after the other; resolves with how often one of those had lost sight of Redis. */
async function killInTurn(gateways: readonly GatewayProcess[], times: number): Promise<number> {
  let outages = 0;
  for (let round = 0; round < times; round++) {
    await delay(1_000 + Math.random() * 1_000);
    const gateway = gateways[round % gateways.length] as GatewayProcess;
    outages += countOutages([gateway]);
    await restart(gateway);
  }
  return outages;
}

/** Writes the dump that the next start will read. */
async function saveDump(): Promise<void> {
  const socket = connect(redis.port, '127.0.0.1').end('SAVE\r\n');
  await once(socket, 'data');
}

/** Restarts Redis; resolves with the span of windows that may have seen the loss. */
async function loseData(): Promise<Span> {
  const from = performance.now() - WINDOW_MS;
  await redis.kill();
  await redis.restart();
  await delay(5_000);
  return { from, to: performance.now() };
}

async function recordedIds(address: string): Promise<string[]> {
  const database = await openDatabase(address);
  try {
    const rows: { request_id: string }[] = await database.reader('usage_records').select('request_id');
    return rows.map(({ request_id: id }) => id);
  } finally {
    await database.close();
  }
}

describeWithPostgres('three gateways, killed, on a Redis that loses its data', (postgres) => {
  test('stay within limits and budgets, by no more than the stated slack, and write one record for each answer', async () => {
    const address = await postgres().createDatabase();
    const env = { TEST_API_KEY: API_KEY, DATABASE_URL: address, REDIS_URL: redis.url };
    const config = configFor((upstream.address() as AddressInfo).port);
    const gateways: GatewayProcess[] = [];
    for (let i = 0; i < GATEWAYS; i++) gateways.push(await startGatewayProcess({ config, env, timeoutMs: 60_000 }));
    const clients = startClients(gateways);
    let outages = 0;
    try {
      const start = performance.now();
      outages += await killInTurn(gateways, 3);
      await delay(WINDOW_MS);
      outages += countOutages(gateways);
      const killed: Span = { from: start, to: performance.now() - WINDOW_MS };
      const spentBefore = history.spent;
      const empty = await loseData();
      const spentEmpty = history.spent - spentBefore;
      await saveDump();
      await delay(3_000);
      const old = await loseData();
      await clients.stop();
      const figures = Object.entries(LIMITS).map(([service, limit]) => {
        const most = (span: Span): number => history.fullestWindow(service as Service, span);
        return { service, limit, killed: most(killed), empty: most(empty), oldDump: most(old) };
      });
      const ids = await until(
        async () => {
          const found = await recordedIds(address);
          return history.answered.every((id) => found.includes(id)) && found;
        },
        { timeoutMs: 60_000, everyMs: 1_000 },
      );
      const spent = { budget: BUDGET, killed: spentBefore, empty: spentEmpty, inAll: history.spent };
      process.stderr.write(
        `${JSON.stringify({ figures, outages, spent, answered: history.answered.length, records: ids.length })}\n`,
      );
      for (const { limit, killed: plain, empty: lost, oldDump } of figures) {
        // Who does not see Redis counts by itself, up to its share.
        expect(plain).toBeLessThanOrEqual(limit + outages * Math.ceil(limit / GATEWAYS));
        expect(lost).toBeLessThanOrEqual(2 * limit);
        expect(oldDump).toBeLessThanOrEqual(2 * limit);
      }
      expect(spentBefore).toBeLessThanOrEqual(BUDGET + WORKERS.chat * RESERVED);
      // A loss of data begins a budget anew.
      expect(history.spent).toBeLessThanOrEqual(3 * (BUDGET + WORKERS.chat * RESERVED));
      expect(history.passed.strict.length).toBeGreaterThan(5 * LIMITS.strict);
      expect(history.answered.length).toBeGreaterThan(100);
      expect(new Set(ids).size).toBe(ids.length);
    } finally {
      await clients.stop();
      for (const gateway of gateways) await gateway.stop();
    }
  }, 240_000);
});
