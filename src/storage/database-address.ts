import { resolve } from 'node:path';
import { unencodedMistake } from './address-mistake.ts';
import { DatabaseError } from './database-error.ts';

/** The sslmode words of libpq, and node-postgres' own `no-verify` (the same as `require`). */
type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full' | 'no-verify';

export interface SqliteAddress {
  readonly kind: 'sqlite';
  /** Absolute path, or `:memory:`. */
  readonly filename: string;
  readonly shown: string;
}

export interface PostgresAddress {
  readonly kind: 'postgres';
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly sslMode: SslMode;
  /** File with the certificates to trust, from `sslrootcert`. */
  readonly sslRootCert: string | undefined;
  readonly shown: string;
}

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/**
 * Reads a `DATABASE_URL`: `sqlite:./file`, `sqlite:///relative`, `sqlite:////absolute`, `sqlite::memory:`,
 * `postgres://`, `postgresql://`, and both with `+driver` after the scheme, which is ignored. `shown` has no password.
 * Throws DatabaseError `ADDRESS`; the message never repeats the address, which may hold one.
 */
export function parseDatabaseAddress(address: string): SqliteAddress | PostgresAddress {
  const [, scheme, rest] = /^([a-z]+)(?:\+[a-z0-9_]+)?:(.*)$/is.exec(address.trim()) ?? [];
  if (scheme === 'sqlite' && rest !== undefined) return parseSqlite(rest);
  if ((scheme === 'postgres' || scheme === 'postgresql') && rest !== undefined)
    return parsePostgres(`postgres:${rest}`);
  throw new DatabaseError('ADDRESS', 'The database address must begin with sqlite: or postgres://');
}

function parseSqlite(rest: string): SqliteAddress {
  // The three-slash form is relative, as in the address language of SQLAlchemy that users bring with them.
  const path = rest.startsWith('///') ? rest.slice(3) : rest.startsWith('//') ? rest.slice(2) : rest;
  if (path === '') throw new DatabaseError('ADDRESS', 'The sqlite: address names no file');
  const filename = path === ':memory:' ? path : resolve(path);
  return { kind: 'sqlite', filename, shown: `sqlite:${filename}` };
}

function parsePostgres(text: string): PostgresAddress {
  const mistake = unencodedMistake(text.replace(/^postgres:(\/\/)?/, ''));
  if (mistake !== undefined) throw new DatabaseError('ADDRESS', `The postgres:// address cannot be read: ${mistake}`);
  if (!URL.canParse(text)) throw new DatabaseError('ADDRESS', 'The postgres:// address is not a valid URL');
  const url = new URL(text);
  const sslMode = url.searchParams.get('sslmode') ?? 'prefer';
  if (!isSslMode(sslMode)) throw new DatabaseError('ADDRESS', `sslmode must be one of ${SSL_MODES.join(', ')}`);
  // `?host=/folder` is how a Unix socket is named: a URL's own host cannot hold slashes.
  const host = url.searchParams.get('host') ?? (url.hostname.replace(/^\[|\]$/g, '') || 'localhost');
  const port = Number(url.port || url.searchParams.get('port') || 5432);
  const database = decode(url.pathname.slice(1));
  return {
    kind: 'postgres',
    host,
    port,
    user: decode(url.username),
    password: decode(url.password),
    database,
    sslMode,
    sslRootCert: url.searchParams.get('sslrootcert') ?? undefined,
    shown: `postgres://${host}:${port}/${database ?? ''}`,
  };
}

function isSslMode(word: string): word is SslMode {
  return SSL_MODES.includes(word);
}

function decode(part: string): string | undefined {
  if (part === '') return undefined;
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new DatabaseError('ADDRESS', 'A % in the postgres:// address is not a valid escape: write %25', error);
  }
}
