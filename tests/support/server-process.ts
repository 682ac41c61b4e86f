// Real servers as children of the test process, none of which outlives it, however it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ServerCommand {
  command: string;
  args: string[];
  /** The server counts as started when a line of its output matches. */
  ready: RegExp;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** The user to run as; only root may set it. */
  owner?: { uid: number; gid: number } | undefined;
  timeoutMs?: number;
}

export interface ServerProcess {
  readonly pid: number;
  /** The line that matched `ready`. */
  readonly readyLine: string;
  /** Everything printed so far, stdout and stderr, by line. */
  readonly lines: readonly string[];
  /** Resolves with the exit code, or the name of the signal that ended the process. */
  readonly exited: Promise<number | NodeJS.Signals>;
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end; after `timeoutMs` (5000) it is SIGKILL. Harmless when already gone. */
  end(signal: NodeJS.Signals, timeoutMs?: number): Promise<number | NodeJS.Signals>;
}

/** The command ended, or its deadline passed, before it was ready. */
export class StartFailure extends Error {
  /** Everything it printed, by line. */
  readonly lines: readonly string[];
  readonly exit: number | NodeJS.Signals;

  constructor(command: string, lines: readonly string[], exit: number | NodeJS.Signals) {
    super(`${command} did not become ready (${exit}):\n${lines.slice(-20).join('\n')}`);
    this.lines = lines;
    this.exit = exit;
  }
}

/** Starts the command and resolves when it is ready. Rejects with StartFailure, at the deadline (10 s) at the latest. */
export async function spawnServer(server: ServerCommand): Promise<ServerProcess> {
  const child = spawn(server.command, server.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(server.cwd === undefined ? {} : { cwd: server.cwd }),
    ...(server.env === undefined ? {} : { env: server.env }),
    ...server.owner,
  });
  const lines: string[] = [];
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    // The last lines of output are read by 'close', which waits for ever while a grandchild holds the pipes.
    child.once('close', (code, signal) => resolve(code ?? signal ?? 1));
    child.once('exit', (code, signal) => setTimeout(() => resolve(code ?? signal ?? 1), 500).unref());
    child.once('error', () => resolve(1));
  });
  const ready = watchForLine(child, server.ready, lines);
  const spawned = once(child, 'spawn').then(() => child.pid);
  const pid = await spawned;
  if (pid === undefined) throw new Error(`${server.command} has no process id`);
  const watchdog = startWatchdog(pid);
  void exited.then(() => watchdog.kill('SIGKILL'));

  const running: Omit<ServerProcess, 'readyLine'> = {
    pid,
    lines,
    exited,
    signal: (signal) => void child.kill(signal),
    end: async (signal, timeoutMs = 5000) => {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      // A stopped process takes no other signal than SIGKILL until it is continued.
      child.kill('SIGCONT');
      return exited.finally(() => clearTimeout(timer));
    },
  };
  const readyLine = await firstOf(ready, exited, server.timeoutMs ?? 10_000);
  if (readyLine === undefined) {
    throw new StartFailure(server.command, lines, await running.end('SIGKILL'));
  }
  return { ...running, readyLine };
}

function watchForLine(child: ChildProcess, pattern: RegExp, lines: string[]): Promise<string> {
  return new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        const pieces = (rest + text).split('\n');
        rest = pieces.pop() ?? '';
        lines.push(...pieces);
        const match = pieces.find((line) => pattern.test(line));
        if (match !== undefined) resolve(match);
      });
    }
  });
}

async function firstOf(
  ready: Promise<string>,
  exited: Promise<unknown>,
  timeoutMs: number,
): Promise<string | undefined> {
  const { promise: deadline, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  return Promise.race([ready, exited.then(() => undefined), deadline]).finally(() => clearTimeout(timer));
}

/** Its standard input ends when we die, by whatever signal; then it kills the server. Exit handlers miss SIGKILL. */
function startWatchdog(pid: number): ChildProcess {
  const watchdog = spawn('/bin/sh', ['-c', 'cat >/dev/null; kill -9 "$1"', 'watchdog', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.unref();
  return watchdog;
}
