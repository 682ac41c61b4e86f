import { argon2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { verifySync as verifyBcrypt } from '@node-rs/bcrypt';

/** `bcrypt` only where a hash was imported. */
export type PasswordScheme = 'argon2id' | 'bcrypt';

interface Argon2Parameters {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** OWASP Password Storage Cheat Sheet, second choice for argon2id: about 30 ms and 19 MiB each. */
const PARAMETERS: Argon2Parameters = { memory: 19_456, passes: 2, parallelism: 1 };
const SALT_LENGTH = 16;
const TAG_LENGTH = 32;

const ARGON2 = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
const BCRYPT = /^\$2[aby]\$(?:0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}$/;

/** The scheme of a stored hash; `undefined` when this gateway cannot verify it, or only at an unreasonable cost. */
export function schemeOf(hash: string): PasswordScheme | undefined {
  if (BCRYPT.test(hash)) return 'bcrypt';
  return parseArgon2(hash) && 'argon2id';
}

/**
 * argon2id in the PHC string format, `$argon2id$v=19$m=19456,t=2,p=1$salt$tag`. Blocks its thread. Of spellings of
 * the same characters (composed, decomposed) all give the same password.
 */
export function hashPassword(password: string): string {
  const salt = randomBytes(SALT_LENGTH);
  const tag = derive(password, salt, PARAMETERS, TAG_LENGTH);
  const { memory, passes, parallelism } = PARAMETERS;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${encode(salt)}$${encode(tag)}`;
}

/** Blocks its thread. False as well for a hash that cannot be read. */
export function matchesHash(password: string, hash: string): boolean {
  const stored = parseArgon2(hash);
  if (!stored) return schemeOf(hash) === 'bcrypt' && matchesBcrypt(password, hash);
  return timingSafeEqual(derive(password, stored.salt, stored, stored.tag.length), stored.tag);
}

/** True when a new hash of the same password would be better than this one. */
export function isOutdated(hash: string): boolean {
  const stored = parseArgon2(hash);
  return !stored || stored.memory < PARAMETERS.memory || stored.passes < PARAMETERS.passes;
}

/** bcrypt reads the password in a circle with NUL as its end, so `a` and `a NUL a` would be the same. */
function matchesBcrypt(password: string, hash: string): boolean {
  return !password.includes('\0') && verifyBcrypt(password, hash);
}

function derive(password: string, nonce: Buffer, parameters: Argon2Parameters, tagLength: number): Buffer {
  const { memory, passes, parallelism } = parameters;
  const message = password.normalize('NFC');
  return argon2Sync('argon2id', { message, nonce, memory, passes, parallelism, tagLength });
}

function parseArgon2(hash: string): (Argon2Parameters & { salt: Buffer; tag: Buffer }) | undefined {
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

/** base64 without padding, as the PHC format has it. */
function encode(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
