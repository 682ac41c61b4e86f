import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { findExecutable, postgresFolders } from './executable.ts';
import { findFreePort } from './free-port.ts';
import { until } from './poll.ts';
import { type ServerProcess, spawnServer } from './server-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

export interface PostgresServer {
  /** Address of a fresh, empty database. */
  readonly url: string;
  /** Makes one more database, empty or a copy of the one at `template`, and resolves with its address: some 30 ms. */
  createDatabase(template?: string): Promise<string>;
  /** Ends the server and removes its folder; on a shared server it drops the databases made here. */
  stop(): Promise<void>;
  /** SIGKILL of the whole server, as after a power cut; committed rows survive. */
  kill(): Promise<void>;
  /** SIGSTOP for the server and its sessions: connections stay open and nothing answers (Linux only). */
  pause(): void;
  resume(): void;
  /** Starts it again on the same port and data, ending it first when it still runs. */
  restart(): Promise<void>;
}

export interface PostgresOptions {
  /** Further command line arguments, such as `['-c', 'max_connections=20']`. */
  args?: string[];
  /** Start a server even when TEST_DATABASE_URL names one, because the test stops, kills or pauses it. */
  own?: boolean;
}

interface Owner {
  uid: number;
  gid: number;
}

const sharedUrl = process.env['TEST_DATABASE_URL'] || undefined;
const initdb = findExecutable('initdb', postgresFolders());
export const postgresHint = 'it needs PostgreSQL: set TEST_DATABASE_URL or install postgresql';

/** Whether `startPostgres(options)` can work on this machine. */
export function canStartPostgres(options: PostgresOptions = {}): boolean {
  return initdb !== undefined || (sharedUrl !== undefined && !options.own);
}

/**
 * A PostgreSQL for the caller: the one TEST_DATABASE_URL names (shared: it cannot be killed), else a fresh cluster in a
 * temporary folder, on a free port of 127.0.0.1 (1–2 s). Throws when there is neither.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  if (sharedUrl !== undefined && !options.own) return sharePostgres(sharedUrl);
  if (initdb === undefined) throw new Error(`No PostgreSQL: ${postgresHint}`);
  const folder = makeTempDir('postgres');
  const owner = serverOwner();
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  const spawnOn = (port: number) => spawnPostgres(port, folder, owner, options.args ?? []);
  try {
    await initialise(folder, owner);
    const port = await findFreePort();
    return await controlPostgres(await spawnOn(port), folder, port, spawnOn);
  } catch (error) {
    removeTempDir(folder);
    throw error;
  }
}

/** PostgreSQL refuses to run as root, so root lends it the user of the Debian package, or else nobody. */
function serverOwner(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: idOf('-u', user), gid: idOf('-g', user) };
    } catch {
      // This user does not exist here; the next one may.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user "postgres" nor "nobody".');
}

function idOf(flag: '-u' | '-g', user: string): number {
  return Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

async function initialise(folder: string, owner: Owner | undefined): Promise<void> {
  const args = ['-D', join(folder, 'data'), '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  await promisify(execFile)(initdb as string, [...args, '--no-sync', '--no-instructions'], { cwd: folder, ...owner });
}

function spawnPostgres(port: number, folder: string, owner: Owner | undefined, args: string[]): Promise<ServerProcess> {
  // Without fsync a killed server still keeps what it wrote: only a crash of the machine could lose it.
  const settings = ['fsync=off', 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`];
  return spawnServer({
    command: join(dirname(initdb as string), 'postgres'),
    args: ['-D', join(folder, 'data'), '-p', String(port), ...settings.flatMap((each) => ['-c', each]), ...args],
    cwd: folder,
    owner,
    ready: /database system is ready to accept connections/,
    timeoutMs: 20_000,
  });
}

async function controlPostgres(
  started: ServerProcess,
  folder: string,
  port: number,
  spawnOn: (port: number) => Promise<ServerProcess>,
): Promise<PostgresServer> {
  let server = started;
  const admin = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of [server.pid, ...sessionsOf(server.pid)]) sendSignal(pid, signal);
  };
  return {
    url: await createDatabase(admin),
    createDatabase: (template) => createDatabase(admin, template),
    stop: async () => {
      signalAll('SIGCONT');
      await server.end('SIGINT');
      removeTempDir(folder);
    },
    kill: async () => {
      signalAll('SIGKILL');
      await server.exited;
    },
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
    restart: async () => {
      await server.end('SIGINT');
      // Sessions of a killed server hold its shared memory for some milliseconds, and the next start refuses.
      server = await until(() => spawnOn(port), { timeoutMs: 15_000, everyMs: 100, what: 'PostgreSQL is back' });
    },
  };
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // A session may have ended since it was listed.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function sessionsOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return children.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

async function createDatabase(admin: string, template?: string): Promise<string> {
  const name = `turnpike_${randomBytes(6).toString('hex')}`;
  const source = template === undefined ? '' : ` TEMPLATE ${new URL(template).pathname.slice(1)}`;
  await runSql(admin, `CREATE DATABASE ${name}${source}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return url.href;
}

async function runSql(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function sharePostgres(admin: string): Promise<PostgresServer> {
  const refuse = (): never => {
    throw new Error('TEST_DATABASE_URL names a server that is not ours to stop: start this one with { own: true }');
  };
  const made: string[] = [];
  const create = async (template?: string) => {
    const url = await createDatabase(admin, template);
    made.push(new URL(url).pathname.slice(1));
    return url;
  };
  const stop = async () => {
    for (const name of made) await runSql(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  };
  return {
    url: await create(),
    createDatabase: create,
    stop,
    kill: refuse,
    pause: refuse,
    resume: refuse,
    restart: refuse,
  };
}
