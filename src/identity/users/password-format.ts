/** `bcrypt` only where a hash was imported. */
export type PasswordScheme = 'argon2id' | 'bcrypt';

export interface Argon2Parameters {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** A stored argon2id hash. */
export interface Argon2Hash extends Argon2Parameters {
  readonly salt: Buffer;
  readonly tag: Buffer;
}

/** OWASP Password Storage Cheat Sheet, second choice for argon2id: about 30 ms and 19 MiB each. */
export const PARAMETERS: Argon2Parameters = { memory: 19_456, passes: 2, parallelism: 1 };

const ARGON2 = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
const BCRYPT = /^\$2[aby]\$(?:0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}$/;

/** The scheme of a stored hash; `undefined` when this gateway cannot verify it, or only at an unreasonable cost. */
export function schemeOf(hash: string): PasswordScheme | undefined {
  if (BCRYPT.test(hash)) return 'bcrypt';
  return parseArgon2(hash) && 'argon2id';
}

/** True when a new hash of the same password would be better than this one. */
export function isOutdated(hash: string): boolean {
  const stored = parseArgon2(hash);
  return !stored || stored.memory < PARAMETERS.memory || stored.passes < PARAMETERS.passes;
}

/** `undefined` when the text is no argon2id hash, or one of an unreasonable cost. */
export function parseArgon2(hash: string): Argon2Hash | undefined {
  const [, memory, passes, parallelism, salt, tag] = ARGON2.exec(hash) ?? [];
  if (salt === undefined || tag === undefined) return undefined;
  const parameters = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const isReasonable =
    parameters.passes >= 1 &&
    parameters.parallelism >= 1 &&
    parameters.memory >= 8 * parameters.parallelism &&
    parameters.memory <= 262_144;
  return isReasonable
    ? { ...parameters, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') }
    : undefined;
}
