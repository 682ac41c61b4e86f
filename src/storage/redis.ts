import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { parseRedisAddress, type RedisAddress } from './redis-address.ts';

export type RedisConnection = Redis | Cluster;

/** A Lua script under a name: sent as its SHA-1, and whole when the server does not know it (yet, or any more). */
export interface RedisScript {
  readonly name: string;
  readonly lua: string;
  /** Bulk strings of the answer come as Buffers: for values that are not text. */
  readonly answersBytes?: boolean;
}

/** An argument of a script. */
export type RedisArgument = string | number | Buffer;

/**
 * Settings of every connection. A request must never wait for a server that is away: nothing is queued while there is
 * no connection, nothing is sent twice, and a socket that owes an answer for three seconds is dropped, since `status` stays
 * `ready` until then when the other end vanished. Less would let a stall of our own event loop drop a good one. The
 * growing delay between attempts stays below what recovery may take.
 */
const CALM = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 500,
  socketTimeout: 3000,
  disconnectTimeout: 200,
  retryStrategy: waitBeforeAttempt,
} satisfies RedisOptions;

/**
 * A connection of its own for one purpose, so that a slow use of Redis delays no other. Returns at once and connects in
 * the background, again and again until `disconnect`. Throws `RedisAddressError` when the url has none of the known forms.
 */
export function connectRedis(url: string, purpose: string): RedisConnection {
  const address = parseRedisAddress(url);
  const connection = open(address, { ...credentialsOf(address), connectionName: `turnpike-${purpose}` });
  // Without a listener every failed attempt would end the process. The user of the connection watches its status.
  connection.on('error', () => undefined);
  return connection;
}

/** Makes the script callable by `runScript`. */
export function defineScript(connection: RedisConnection, script: RedisScript): void {
  connection.defineCommand(script.name, { lua: script.lua });
}

/**
 * One round trip. Rejects with ioredis' error; numbers come back as numbers, bulk strings as strings or, where the script
 * says so, as Buffers.
 */
export function runScript(
  connection: RedisConnection,
  script: RedisScript,
  keys: readonly string[],
  args: readonly RedisArgument[],
): Promise<unknown> {
  const commands = connection as unknown as Record<string, (...parts: RedisArgument[]) => Promise<unknown>>;
  const command = commands[script.answersBytes ? `${script.name}Buffer` : script.name];
  if (!command) return Promise.reject(new Error(`the script ${script.name} is not defined on this connection`));
  return command.call(connection, keys.length, ...keys, ...args);
}

/** Resolves when every server that takes writes has answered: in a cluster one may be away while the others work. */
export async function pingAll(connection: RedisConnection): Promise<void> {
  if (connection.isCluster) await Promise.all((connection as Cluster).nodes('master').map((node) => node.ping()));
}

type OwnOptions = ReturnType<typeof credentialsOf> & { connectionName: string };

function open(address: RedisAddress, own: OwnOptions): RedisConnection {
  const nodes = [...address.nodes];
  if (address.kind === 'cluster') {
    const { connectTimeout, socketTimeout } = CALM;
    return new Cluster(nodes, {
      redisOptions: { ...own, connectTimeout, socketTimeout },
      enableOfflineQueue: false,
      // The first command for a node opens its connection, and commands that come meanwhile are retried after this time.
      // The default is 100 ms, longer than callers wait for Redis.
      retryDelayOnFailover: 10,
      clusterRetryStrategy: waitBeforeAttempt,
    });
  }
  if (address.kind === 'sentinel') return new Redis({ ...CALM, ...own, sentinels: nodes, name: address.primary });
  return new Redis({ ...CALM, ...own, ...nodes[0] });
}

function waitBeforeAttempt(attempt: number): number {
  return Math.min(50 * attempt, 1000);
}

function credentialsOf({ username, password, db, isTls }: RedisAddress) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
    db,
  };
}
