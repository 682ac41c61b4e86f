import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { Knex } from 'knex';
import type { PostgresAddress } from './database-address.ts';
import { DatabaseError, firstLine } from './database-error.ts';

export interface PostgresTimeouts {
  /** The server ends a statement after this; 0 = never. */
  readonly statementMs: number;
  /** We stop waiting for an answer after this, as from a host that has vanished; 0 = never. */
  readonly answerMs: number;
  /** How long to wait for a connection, new or from the pool. */
  readonly acquireMs: number;
}

interface PostgresConnection {
  query(config: object, done: (error: Error | null, response: unknown) => void): void;
  end(): Promise<void>;
  __knex__disposed?: unknown;
  connection?: { stream?: { destroy(): void } };
}

interface Query {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  readonly options?: object;
  response?: unknown;
}

/** int8 as a number: every int8 we store is an epoch in milliseconds or a count, far below 2^53. */
const INT8 = 20;

/**
 * Everything knex needs to reach this server. `pg` is imported here and not at the top, so that a start on SQLite does
 * not pay for it.
 */
export async function postgresConfig(
  address: PostgresAddress,
  timeouts: PostgresTimeouts,
  poolSize: number,
): Promise<Knex.Config> {
  const [{ default: pg }, { default: PostgresDialect }] = await Promise.all([
    import('pg'),
    import('knex/lib/dialects/postgres/index.js'),
  ]);

  class PostgresClient extends PostgresDialect {
    override async destroyRawConnection(connection: PostgresConnection): Promise<void> {
      // A polite goodbye to a server that has stopped answering would wait for ever.
      const timer = setTimeout(() => connection.connection?.stream?.destroy(), 500);
      await connection.end().catch(() => undefined);
      clearTimeout(timer);
    }

    _query(connection: PostgresConnection, query: Query): Promise<Query> {
      return new Promise((resolve, reject) => {
        const config = { text: query.sql, values: query.bindings ?? [], ...query.options };
        connection.query(config, (error, response) => {
          if (!error) {
            query.response = response;
            resolve(query);
            return;
          }
          // pg leaves the unanswered query on the connection, and the next user would wait behind it.
          if (error.message === 'Query read timeout') connection.__knex__disposed = error;
          reject(error);
        });
      });
    }
  }

  return {
    client: PostgresClient as typeof Knex.Client,
    connection: {
      host: address.host,
      port: address.port,
      ...(address.user === undefined ? {} : { user: address.user }),
      ...(address.password === undefined ? {} : { password: address.password }),
      ...(address.database === undefined ? {} : { database: address.database }),
      ssl: tlsOptions(address),
      application_name: 'turnpike',
      connectionTimeoutMillis: timeouts.acquireMs,
      keepAlive: true,
      statement_timeout: timeouts.statementMs,
      query_timeout: timeouts.answerMs,
      idle_in_transaction_session_timeout: 10_000,
      types: {
        getTypeParser: (oid: number, format?: 'text' | 'binary') =>
          oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
      },
    } as Knex.PgConnectionConfig,
    acquireConnectionTimeout: timeouts.acquireMs,
    pool: { min: 0, max: poolSize, idleTimeoutMillis: 60_000 },
  };
}

/** libpq's meaning of sslmode; `allow` and `prefer` do not insist on TLS, so they are served without it. */
function tlsOptions(address: PostgresAddress): false | ConnectionOptions {
  const { sslMode, sslRootCert } = address;
  if (sslMode === 'disable' || sslMode === 'allow' || sslMode === 'prefer') return false;
  const ca = sslRootCert === undefined ? {} : { ca: readCertificates(sslRootCert) };
  if (sslMode === 'verify-full') return { ...ca, rejectUnauthorized: true };
  if (sslMode === 'verify-ca') return { ...ca, rejectUnauthorized: true, checkServerIdentity: () => undefined };
  return { ...ca, rejectUnauthorized: sslRootCert !== undefined, checkServerIdentity: () => undefined };
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DatabaseError('ADDRESS', `sslrootcert cannot be read: ${firstLine(error)}`, error);
  }
}
