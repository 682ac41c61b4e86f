import { argon2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { verifySync as verifyBcrypt } from '@node-rs/bcrypt';
import { type Argon2Parameters, PARAMETERS, parseArgon2, schemeOf } from './password-format.ts';

const SALT_LENGTH = 16;
const TAG_LENGTH = 32;

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

/** bcrypt reads the password in a circle with NUL as its end, so `a` and `a NUL a` would be the same. */
function matchesBcrypt(password: string, hash: string): boolean {
  return !password.includes('\0') && verifyBcrypt(password, hash);
}

function derive(password: string, nonce: Buffer, parameters: Argon2Parameters, tagLength: number): Buffer {
  const { memory, passes, parallelism } = parameters;
  const message = password.normalize('NFC');
  return argon2Sync('argon2id', { message, nonce, memory, passes, parallelism, tagLength });
}

/** base64 without padding, as the PHC format has it. */
function encode(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
