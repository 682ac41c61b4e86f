/**
 * Measures what the gateway adds to streams of a model, beside the same streams straight from the upstream, in turn
 * within one run: time to the first token, gaps between frames under load, memory of held streams and of clients that
 * do not read.
 *
 *   npm --prefix bench run streams -- [--streams 1000] [--seconds 10]
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { KEYS, streamingPolicies } from './gateway-config.ts';
import { cpuMicroseconds, freePort, HARNESS_CORE, listening, spawnPinned, stop, SYSTEM_CORE } from './processes.ts';
import { openStream, readStream, type StreamResult } from './stream-client.ts';

const ROUNDS = 4;
const FIRST_TOKENS_PER_ROUND = 250;
const FRAME_EVERY_MS = 100;
const SILENT_CLIENTS = 100;
const PAGE_BYTES = 4096;

interface Bench {
  readonly direct: string;
  readonly gateway: string;
  readonly pid: number;
  /** node:http and undici, nothing else. */
  readonly bare: { readonly url: string; readonly pid: number };
}

async function compareFirstTokens({ direct, gateway }: Bench): Promise<string[]> {
  const waits: Record<string, number[]> = { [direct]: [], [gateway]: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const url of round % 2 === 0 ? [direct, gateway] : [gateway, direct]) {
      for (let i = 0; i < FIRST_TOKENS_PER_ROUND; i++) {
        const { startedAt, arrivals } = await readStream(url, KEYS.valid, 'first');
        // The first round warms up.
        if (round > 0) waits[url]?.push(Number((arrivals[0]?.came ?? 0n) - startedAt) / 1e6);
      }
    }
  }
  const [bare = [], added = []] = [waits[direct], waits[gateway]];
  return [50, 99].map((p) => row(`time to first token, p${p}`, quantile(bare, p), quantile(added, p)));
}

async function compareGaps(
  { direct, gateway, pid, bare: peer }: Bench,
  streams: number,
  seconds: number,
): Promise<string[]> {
  const frames = Math.round((seconds * 1000) / FRAME_EVERY_MS);
  const model = `frames/${frames}/${FRAME_EVERY_MS}`;
  const bare = await readMany(direct, streams, model);
  const peerBefore = cpuMicroseconds(peer.pid);
  await readMany(peer.url, streams, model);
  const peerCpu = (cpuMicroseconds(peer.pid) - peerBefore) / (streams * frames);
  const before = cpuMicroseconds(pid);
  const relayed = await readMany(gateway, streams, model);
  const cpu = (cpuMicroseconds(pid) - before) / (streams * frames);
  return [
    ...[50, 99].map((p) => row(`gap between frames, p${p}`, quantile(gapsOf(bare), p), quantile(gapsOf(relayed), p))),
    ...[50, 99].map((p) => row(`frame on its way, p${p}`, quantile(delaysOf(bare), p), quantile(delaysOf(relayed), p))),
    `CPU per frame, requests included: ${cpu.toFixed(1)} µs; node:http + undici bare ${peerCpu.toFixed(1)} µs`,
  ];
}

/** Begun evenly over one interval, as independent clients would. */
function readMany(url: string, streams: number, model: string): Promise<StreamResult[]> {
  return Promise.all(
    Array.from({ length: streams }, async (_, i) => {
      await sleep((i * FRAME_EVERY_MS * 10) / streams);
      return readStream(url, KEYS.valid, model);
    }),
  );
}

async function weighHeld({ gateway, pid }: Bench, streams: number): Promise<string> {
  const before = residentBytes(pid);
  const sockets = Array.from({ length: streams }, () => openStream(gateway, KEYS.valid, 'hold'));
  for (const socket of sockets) socket.resume();
  await sleep(3_000);
  const held = (residentBytes(pid) - before) / streams;
  await closeAll(sockets);
  return `memory of a held stream: ${kib(held)}; afterwards ${(residentBytes(pid) / before).toFixed(2)} × of before`;
}

async function weighSilent(bench: Bench): Promise<string> {
  const { gateway, pid } = bench;
  const before = residentBytes(pid);
  const sockets = Array.from({ length: SILENT_CLIENTS }, () => openStream(gateway, KEYS.valid, 'flood'));
  await sleep(3_000);
  const held = (residentBytes(pid) - before) / SILENT_CLIENTS;
  await closeAll(sockets);
  return `memory of a client that never reads: ${kib(held)}`;
}

async function closeAll(sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await sleep(3_000);
}

/** proc(5): the second field is the resident set in pages. `taskset` becomes the program it starts. */
function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES;
}

function gapsOf(results: readonly StreamResult[]): number[] {
  return results.flatMap(({ arrivals }) =>
    arrivals.slice(1).map(({ came }, i) => Number(came - (arrivals[i]?.came ?? came)) / 1e6),
  );
}

function delaysOf(results: readonly StreamResult[]): number[] {
  return results.flatMap(({ arrivals }) => arrivals.map(({ sent, came }) => Number(came - sent) / 1e6));
}

function quantile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}

function row(name: string, bare: number, relayed: number): string {
  const [a, b, difference] = [bare, relayed, relayed - bare].map((ms) => `${ms.toFixed(2)} ms`);
  return `${name}: ${a} direct, ${b} through the gateway, added ${difference}`;
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`;
}

async function startAll(folder: string, children: ChildProcess[]): Promise<Bench> {
  const [upstreamPort, port] = [await freePort(), await freePort()];
  const peer = join(import.meta.dirname, 'peers/stream-upstream.ts');
  children.push(spawnPinned({ core: HARNESS_CORE, command: process.execPath, args: [peer, String(upstreamPort)] }));
  const upstream = await listening(children[0] as ChildProcess, upstreamPort);
  const config = join(folder, 'gateway_config.yaml');
  writeFileSync(config, streamingPolicies(upstream.url));
  const main = join(import.meta.dirname, '../src/cli/main.ts');
  const args = ['--disable-warning=ExperimentalWarning', main, 'start', '--config', config, '--port', String(port)];
  const env = { DATABASE_URL: `sqlite:${join(folder, 'bench.db')}`, MASTER_KEY: 'bench-master-key-0123456789abcdef' };
  const child = spawnPinned({
    core: SYSTEM_CORE,
    command: process.execPath,
    args: [...args, '--host', '127.0.0.1'],
    env,
  });
  children.push(child);
  const { url } = await listening(child, port);
  const barePort = await freePort();
  const bareArgs = [join(import.meta.dirname, 'peers/node-undici.ts'), String(barePort), upstream.url, 'stream'];
  const bare = spawnPinned({ core: SYSTEM_CORE, command: process.execPath, args: bareArgs });
  children.push(bare);
  return {
    direct: `${upstream.url}/v1/chat/completions`,
    gateway: `${url}/v1/chat/completions`,
    pid: child.pid as number,
    bare: { url: `${(await listening(bare, barePort)).url}/v1/chat/completions`, pid: bare.pid as number },
  };
}

const { values } = parseArgs({
  options: { streams: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '10' } },
});
spawnSync('taskset', ['-cp', String(HARNESS_CORE), String(process.pid)]);
const folder = mkdtempSync(join(tmpdir(), 'turnpike-bench-'));
const children: ChildProcess[] = [];
try {
  const bench = await startAll(folder, children);
  const streams = Number(values.streams);
  for (const line of await compareFirstTokens(bench)) console.log(line);
  for (const line of await compareGaps(bench, streams, Number(values.seconds))) console.log(line);
  console.log(await weighHeld(bench, streams));
  // The first time the process grows to a size it then keeps.
  await weighSilent(bench);
  console.log(await weighSilent(bench));
} finally {
  await Promise.all(children.map(stop));
  rmSync(folder, { recursive: true, force: true });
}
