import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** The system under test has the first core to itself; load generator, upstream and Redis share the second. */
export const SYSTEM_CORE = 0;
export const HARNESS_CORE = 1;

/** Kernel ticks of /proc are 10 ms on every Linux that Node runs on. */
const MICROSECONDS_PER_TICK = 10_000;
const READY_WITHIN_MS = 30_000;

export interface Process {
  readonly child: ChildProcess;
  readonly url: string;
}

interface Start {
  readonly core: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export function isInstalled(tool: string): boolean {
  return spawnSync('which', [tool]).status === 0;
}

/** Starts a program on one core. Its standard output goes to /dev/null, which is what the figures of a logging system mean. */
export function spawnPinned({ core, command, args, env }: Start): ChildProcess {
  return spawn('taskset', ['-c', String(core), command, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves once something listens on the port; rejects when the process ends first or nothing listens in time. */
export async function listening(child: ChildProcess, port: number): Promise<Process> {
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the process ended with code ${child.exitCode}`);
    const isUp = await fetch(url).then(
      () => true,
      () => false,
    );
    if (isUp) return { child, url };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** User and system time of a process and its descendants so far. */
export function cpuMicroseconds(pid: number): number {
  const parents = new Map<number, { parent: number; ticks: number }>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(name) : undefined;
    if (stat) parents.set(Number(name), stat);
  }
  let ticks = 0;
  for (const [candidate, { ticks: own }] of parents) {
    if (descendsFrom(candidate, pid, parents)) ticks += own;
  }
  return ticks * MICROSECONDS_PER_TICK;
}

function descendsFrom(pid: number, ancestor: number, parents: ReadonlyMap<number, { parent: number }>): boolean {
  let current: number | undefined = pid;
  while (current !== undefined && current !== 0) {
    if (current === ancestor) return true;
    current = parents.get(current)?.parent;
  }
  return false;
}

/** proc(5): the command stands in brackets and may contain anything, so fields are counted from the last bracket. */
function readStat(pid: string): { parent: number; ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}
