import { unencodedMistake } from './address-mistake.ts';

/** The location of a Redis, as written in `REDIS_URL`. */
export interface RedisAddress {
  readonly kind: 'standalone' | 'sentinel' | 'cluster';
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** The name Sentinel knows the primary by; empty otherwise. */
  readonly primary: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly isTls: boolean;
}

/** The message says what is wrong and never quotes the url, which may hold a password. */
export class RedisAddressError extends Error {
  readonly code = 'REDIS_ADDRESS';
}

const SCHEMES: Readonly<Record<string, { kind: RedisAddress['kind']; isTls: boolean; port: number }>> = {
  redis: { kind: 'standalone', isTls: false, port: 6379 },
  rediss: { kind: 'standalone', isTls: true, port: 6379 },
  'redis+sentinel': { kind: 'sentinel', isTls: false, port: 26379 },
  'redis+cluster': { kind: 'cluster', isTls: false, port: 6379 },
};

const FORM = /^(?:([^@/]*)@)?([^@/]*)(?:\/(.*))?$/;
const OPTIONS = 'remove everything after "?"; the path is the database number, as in redis://host:6379/2';

/**
 * Reads `redis://[user:password@]host[:port][/db]`, `rediss://…` (TLS), `redis+sentinel://host:port,host:port/<primary>[/db]`
 * and `redis+cluster://host:port,host:port`. User and password are percent-encoded.
 */
export function parseRedisAddress(url: string): RedisAddress {
  const [, name = '', rest = ''] = /^([a-z+]+):\/\/(.*)$/s.exec(url.trim()) ?? [];
  const scheme = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined;
  if (!scheme) {
    throw new RedisAddressError('REDIS_URL must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://');
  }
  const mistake = unencodedMistake(rest);
  if (mistake !== undefined) throw new RedisAddressError(`REDIS_URL cannot be read: ${mistake}`);
  if (rest.includes('?')) throw new RedisAddressError(`REDIS_URL takes no options: ${OPTIONS}`);
  const found = FORM.exec(rest);
  if (!found) throw new RedisAddressError('REDIS_URL cannot be read: it must be scheme://user:password@host:port/db');
  const [, userInfo, hosts = '', path = ''] = found;
  const parts = path.split('/').filter((part) => part !== '');
  const primary = scheme.kind === 'sentinel' ? parts.shift() : '';
  if (primary === undefined) throw new RedisAddressError('redis+sentinel:// needs the name of the primary as its path');
  const nodes = hosts.split(',').map((host) => parseNode(host, scheme.port));
  if (scheme.kind === 'standalone' && nodes.length > 1) throw new RedisAddressError('redis:// takes one host');
  return {
    kind: scheme.kind,
    isTls: scheme.isTls,
    nodes,
    primary,
    ...parseUserInfo(userInfo),
    db: parseDb(parts),
  };
}

function parseNode(text: string, defaultPort: number): { host: string; port: number } {
  const found = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(found?.[2] ?? defaultPort);
  if (!found?.[1] || port > 65_535) throw new RedisAddressError('a host in REDIS_URL must be host or host:port');
  return { host: found[1].replace(/^\[|\]$/g, ''), port };
}

function parseUserInfo(text: string | undefined): { username: string | undefined; password: string | undefined } {
  if (text === undefined || text === '') return { username: undefined, password: undefined };
  const colon = text.indexOf(':');
  const decode = (part: string): string | undefined => (part === '' ? undefined : decodeURIComponent(part));
  try {
    if (colon === -1) return { username: decode(text), password: undefined };
    return { username: decode(text.slice(0, colon)), password: decode(text.slice(colon + 1)) };
  } catch {
    throw new RedisAddressError('user and password in REDIS_URL must be percent-encoded');
  }
}

function parseDb(parts: readonly string[]): number {
  if (parts.length === 0) return 0;
  const text = parts[0] as string;
  if (parts.length > 1 || !/^\d{1,4}$/.test(text)) {
    throw new RedisAddressError('the database in REDIS_URL must be a number');
  }
  return Number(text);
}
