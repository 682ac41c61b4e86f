import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { cpuMicroseconds, HARNESS_CORE } from './processes.ts';

const CONNECTIONS = 32;

/** What is sent, and what must come back. */
export interface Load {
  readonly url: string;
  /** Empty for none. */
  readonly key: string;
  /** Above 0: `/r<n>/items` for every n below, in turn; 0: the url alone. */
  readonly routes: number;
  readonly expects: number;
}

export interface Sample {
  readonly requestsPerSecond: number;
  /** CPU microseconds of the measured process and its descendants per request. */
  readonly cpuPerRequest: number;
  /** Milliseconds, closed loop: comparable between systems at saturation, not a latency a user would see. */
  readonly p50: number;
  readonly p99: number;
}

interface WrkResult {
  readonly requests: number;
  readonly micros: number;
  readonly refused: number;
  readonly broken: number;
  readonly p50: number;
  readonly p99: number;
}

/** Sends the load for some seconds with a closed loop of 32 connections. Rejects when an answer was not as expected. */
export async function measure(load: Load, pid: number, seconds: number): Promise<Sample> {
  const before = cpuMicroseconds(pid);
  const result = await runWrk(load, seconds);
  const cpu = cpuMicroseconds(pid) - before;
  const expectedRefusals = load.expects >= 400 ? result.requests : 0;
  if (result.broken > 0 || result.refused !== expectedRefusals) {
    throw new Error(
      `${load.url}: ${result.refused} refused and ${result.broken} broken of ${result.requests} requests`,
    );
  }
  return {
    requestsPerSecond: (result.requests * 1e6) / result.micros,
    cpuPerRequest: cpu / result.requests,
    p50: result.p50 / 1000,
    p99: result.p99 / 1000,
  };
}

/** One request outside the measurement: the load generator only tells refusals from successes, not 401 from 429. */
export async function probe({ url, key, routes, expects }: Load): Promise<void> {
  const target = routes > 0 ? new URL('/r0/items', url).href : url;
  const headers = { 'content-type': 'application/json', ...(key === '' ? {} : { 'x-api-key': key }) };
  const response = await fetch(target, { method: 'POST', headers, body: '{"message":"hello"}' });
  const body = await response.text();
  if (response.status !== expects) throw new Error(`${target} answers ${response.status}, not ${expects}: ${body}`);
}

async function runWrk({ url, key, routes }: Load, seconds: number): Promise<WrkResult> {
  const script = join(import.meta.dirname, 'request.lua');
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, url, '--', key, String(routes)];
  const child = spawn('taskset', ['-c', String(HARNESS_CORE), 'wrk', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk failed:\n${output}`);
  return JSON.parse(line) as WrkResult;
}
