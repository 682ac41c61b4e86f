/**
 * Minutes of steady load on everything at once: proxied requests, chats, streams, budgets, usage records and idempotency
 * keys, for a few hundred callers. Prints the resident memory of the gateway and its slope after the third minute.
 *
 *   npm --prefix bench run soak -- [--minutes 10] [--rate 300] [--redis redis://localhost:6379]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuMicroseconds, freePort, HARNESS_CORE, listening, stop, SYSTEM_CORE } from './processes.ts';

const CALLERS = 300;
const SAMPLE_EVERY_MS = 10_000;
/** Before that the heap still finds its size. */
const SETTLED_AFTER_MS = 3 * 60_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '300' },
    redis: { type: 'string' },
  },
});

const keyOf = (caller: number): string => `soak-key-of-caller-${caller}`;

function configuration(echo: string, llm: string, folder: string): string {
  return JSON.stringify({
    settings: {
      data_dir: folder,
      log: { pretty: false },
      rate_limit: { limits: [{ limit: 10_000_000, window: '1m', per: 'global' }] },
    },
    consumers: Array.from({ length: CALLERS }, (_, i) => ({
      id: `caller-${i}`,
      keys: [{ hash: `sha256:${createHash('sha256').update(keyOf(i)).digest('hex')}` }],
    })),
    services: {
      echo: { url: echo, rate_limit: { limits: [{ limit: 1_000_000, window: '1m' }] }, idempotency: true },
      chat: {
        kind: 'llm',
        url: `${llm}/v1`,
        idempotency: true,
        budget: { cost_usd: 1_000, every: 'day' },
        rate_limit: { limits: [{ limit: 100_000_000, window: '1m', count: 'tokens' }] },
        models: { entries: { 'gpt-4o-mini': { price: { input_per_million: 0.15, output_per_million: 0.6 } } } },
      },
    },
  });
}

function spawnNode(core: number, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const program = [process.execPath, '--disable-warning=ExperimentalWarning', ...args];
  return spawn('taskset', ['-c', String(core), ...program], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
}

async function startService(name: 'echo' | 'llm', children: ChildProcess[]): Promise<string> {
  const port = await freePort();
  const file = join(import.meta.dirname, `../services/${name}/server.ts`);
  const child = spawnNode(HARNESS_CORE, [file], { PORT: String(port) });
  children.push(child);
  return (await listening(child, port)).url;
}

async function startGateway(folder: string, children: ChildProcess[]): Promise<{ url: string; pid: number }> {
  const [echo, llm] = [await startService('echo', children), await startService('llm', children)];
  const file = join(folder, 'gateway_config.yaml');
  writeFileSync(file, configuration(echo, llm, folder));
  const port = await freePort();
  const args = [join(import.meta.dirname, '../src/cli/main.ts'), 'start', '--config', file, '--port', String(port)];
  const child = spawnNode(SYSTEM_CORE, args, values.redis === undefined ? {} : { REDIS_URL: values.redis });
  children.push(child);
  // `taskset` becomes the program it starts, so this is the gateway's own number.
  return { url: (await listening(child, port)).url, pid: child.pid as number };
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 });
const statuses = new Map<number, number>();

function send(url: string, turn: number): void {
  const isChat = turn % 4 === 0;
  const body = isChat
    ? { model: 'gpt-4o-mini', stream: turn % 8 === 0, messages: [{ role: 'user', content: `Turn ${turn}` }] }
    : { turn };
  const headers: Record<string, string> = { 'x-api-key': keyOf(turn % CALLERS), 'content-type': 'application/json' };
  if (turn % 20 === 0) headers['idempotency-key'] = `turn-${turn}`;
  const path = isChat ? '/v1/chat/completions' : '/echo/items';
  const req = request(url + path, { agent, method: 'POST', headers }, (res) => {
    const { statusCode = 0 } = res;
    statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
    // Now and then a client leaves in the middle.
    if (turn % 400 === 0) res.destroy();
    else res.resume();
  });
  req.on('error', () => statuses.set(0, (statuses.get(0) ?? 0) + 1)).end(JSON.stringify(body));
}

function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kib) / 1024;
}

/** Least squares, per minute. */
function slopeOf(samples: readonly (readonly [ms: number, mib: number])[]): number {
  const mean = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const [x, y] = [mean(samples.map(([ms]) => ms)), mean(samples.map(([, mib]) => mib))];
  const over = samples.reduce((sum, [ms, mib]) => sum + (ms - x) * (mib - y), 0);
  return (over / samples.reduce((sum, [ms]) => sum + (ms - x) ** 2, 0)) * 60_000;
}

async function soak(url: string, pid: number): Promise<void> {
  const [startedAt, end] = [performance.now(), Number(values.minutes) * 60_000];
  const samples: [number, number][] = [];
  let turn = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsed = performance.now() - startedAt;
      while (turn < (elapsed / 1000) * Number(values.rate)) send(url, ++turn);
      if (elapsed < (samples.length + 1) * SAMPLE_EVERY_MS) return;
      samples.push([elapsed, residentMiB(pid)]);
      console.log(`${Math.round(elapsed / 1000)} s  ${residentMiB(pid).toFixed(1)} MiB`);
      if (elapsed < end) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
  const busy = cpuMicroseconds(pid) / 1000 / (performance.now() - startedAt);
  const settled = samples.filter(([ms]) => ms >= SETTLED_AFTER_MS);
  console.log(
    `answers by status: ${JSON.stringify(Object.fromEntries(statuses))}; ${Math.round(busy * 100)} % of a core`,
  );
  console.log(`slope after minute 3: ${slopeOf(settled).toFixed(2)} MiB per minute`);
}

const folder = mkdtempSync(join(tmpdir(), 'turnpike-soak-'));
const children: ChildProcess[] = [];
try {
  const { url, pid } = await startGateway(folder, children);
  await soak(url, pid);
} finally {
  agent.destroy();
  await Promise.all(children.map(stop));
  rmSync(folder, { recursive: true, force: true });
}
