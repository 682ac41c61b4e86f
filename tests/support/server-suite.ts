// Suites that need a real server: skipped with one loud line where there is none, a failure under CI.
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import {
  canStartPostgres,
  type PostgresOptions,
  type PostgresServer,
  postgresHint,
  startPostgres,
} from './postgres.ts';
import { canStartRedis, type RedisOptions, type RedisServer, redisHint, startRedis } from './redis.ts';

interface ServerNeed<Server extends { stop(): Promise<void> }> {
  isAvailable: boolean;
  /** How to get the server, for the line printed when it is missing. */
  hint: string;
  start(): Promise<Server>;
}

/** A suite on a real Redis; `redis()` is the running server. */
export function describeWithRedis(
  name: string,
  body: (redis: () => RedisServer) => void,
  options: RedisOptions = {},
): void {
  const isAvailable = canStartRedis(options);
  describeWithServer(name, { isAvailable, hint: redisHint, start: () => startRedis(options) }, body);
}

/** A suite on a real PostgreSQL; `postgres()` is the running server. */
export function describeWithPostgres(
  name: string,
  body: (postgres: () => PostgresServer) => void,
  options: PostgresOptions = {},
): void {
  const isAvailable = canStartPostgres(options);
  describeWithServer(name, { isAvailable, hint: postgresHint, start: () => startPostgres(options) }, body);
}

/** Describes a suite that runs on one server, started before its first test and stopped after its last. */
function describeWithServer<Server extends { stop(): Promise<void> }>(
  name: string,
  need: ServerNeed<Server>,
  body: (server: () => Server) => void,
): void {
  if (!need.isAvailable) {
    skipLoudly(name, need.hint);
    return;
  }
  describe(name, () => {
    let server: Server | undefined;
    beforeAll(async () => {
      server = await need.start();
    }, 60_000);
    afterAll(async () => server?.stop(), 30_000);
    body(() => {
      if (server === undefined) throw new Error('The server runs only while tests and hooks run.');
      return server;
    });
  });
}

function skipLoudly(name: string, hint: string): void {
  if (process.env['CI'] === 'true') throw new Error(`"${name}" may not be skipped under CI: ${hint}`);
  process.stderr.write(`SKIPPED "${name}": ${hint}\n`);
  describe.skip(name, () => {
    test.skip(hint, () => undefined);
  });
}
