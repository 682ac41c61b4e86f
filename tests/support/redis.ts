import { findExecutable } from './executable.ts';
import { findFreePort } from './free-port.ts';
import { type ServerProcess, spawnServer } from './server-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
  /** SIGKILL; data is lost unless `args` turned persistence on. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same port and folder, ending it first when it still runs. */
  restart(): Promise<void>;
}

export interface RedisOptions {
  /** Further command line arguments, such as `['--appendonly', 'yes']`. */
  args?: string[];
  /** Start a server even when TEST_REDIS_URL names one, because the test stops, kills, pauses or empties it. */
  own?: boolean;
}

const sharedUrl = process.env['TEST_REDIS_URL'] || undefined;
const binary = findExecutable('redis-server');
export const redisHint = 'it needs a Redis server: set TEST_REDIS_URL or install redis-server';

/** Whether `startRedis(options)` can work on this machine. */
export function canStartRedis(options: RedisOptions = {}): boolean {
  return binary !== undefined || (sharedUrl !== undefined && !options.own);
}

/**
 * A Redis for the caller: the one TEST_REDIS_URL names (shared, so use a key prefix of your own; it cannot be killed),
 * else a fresh redis-server without persistence on a free port of 127.0.0.1. Throws when there is neither.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  if (sharedUrl !== undefined && !options.own) return shareRedis(sharedUrl);
  if (binary === undefined) throw new Error(`No Redis: ${redisHint}`);
  const folder = makeTempDir('redis');
  const spawnOn = (port: number) => spawnRedis(port, folder, options.args ?? []);
  try {
    return controlRedis(await spawnOnFreePort(spawnOn), folder, spawnOn);
  } catch (error) {
    removeTempDir(folder);
    throw error;
  }
}

function spawnRedis(port: number, folder: string, args: string[]): Promise<ServerProcess> {
  const quiet = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  return spawnServer({
    command: binary as string,
    args: ['--port', String(port), ...quiet, ...args],
    cwd: folder,
    ready: /Ready to accept connections/,
  });
}

interface Started {
  process: ServerProcess;
  port: number;
}

async function spawnOnFreePort(spawnOn: (port: number) => Promise<ServerProcess>): Promise<Started> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    try {
      return { process: await spawnOn(port), port };
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

function controlRedis(
  started: Started,
  folder: string,
  spawnOn: (port: number) => Promise<ServerProcess>,
): RedisServer {
  let { process } = started;
  const { port } = started;
  return {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    stop: async () => {
      await process.end('SIGTERM');
      removeTempDir(folder);
    },
    kill: async () => void (await process.end('SIGKILL')),
    pause: () => process.signal('SIGSTOP'),
    resume: () => process.signal('SIGCONT'),
    restart: async () => {
      await process.end('SIGTERM');
      process = await spawnOn(port);
    },
  };
}

function shareRedis(url: string): RedisServer {
  const refuse = (): never => {
    throw new Error('TEST_REDIS_URL names a server that is not ours to stop: start this one with { own: true }');
  };
  const port = Number(new URL(url).port || 6379);
  return { url, port, stop: async () => {}, kill: refuse, pause: refuse, resume: refuse, restart: refuse };
}
