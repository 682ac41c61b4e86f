import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type KeyEnvironment = 'live' | 'test' | 'dev';

export interface GeneratedKey {
  /** The key itself, to be shown once. */
  readonly text: string;
  /** The eight characters after the environment. */
  readonly id: string;
  /** Everything up to and including the id: safe to log and to show. */
  readonly prefix: string;
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 8;
const SECRET_LENGTH = 32;
/** 62^6 is the first power of 62 above 2^32. */
const CHECKSUM_LENGTH = 6;
const BODY_LENGTH = ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH;

const DEFAULT_KEY_PREFIX = 'sk';

/**
 * A new key `<prefix>_<env>_<8 id><32 secret><6 checksum>`, all base62: 190 random bits in the secret. The checksum is
 * the CRC-32 of everything before it and proves nothing; it tells a typo or a cut copy from a key without a lookup.
 */
export function generateApiKey(env: KeyEnvironment, prefix: string = DEFAULT_KEY_PREFIX): GeneratedKey {
  const id = randomBase62(ID_LENGTH);
  const unchecked = `${prefix}_${env}_${id}${randomBase62(SECRET_LENGTH)}`;
  return { text: unchecked + checksum(unchecked), id, prefix: `${prefix}_${env}_${id}` };
}

/**
 * True when the text has exactly the form of an issued key and its checksum is wrong: it was never issued. False for
 * every other text, because keys imported from elsewhere have forms of their own.
 */
export function isMistypedKey(text: string, prefix: string = DEFAULT_KEY_PREFIX): boolean {
  return hasIssuedForm(text, prefix) && !hasRightChecksum(text);
}

/** True when the text has exactly the form of an issued key and the checksum to it: hardly anything else does. */
export function isIssuedKey(text: string): boolean {
  return hasIssuedForm(text, DEFAULT_KEY_PREFIX) && hasRightChecksum(text);
}

/** SHA-256 in hexadecimal: the only form in which a key is stored or used to look something up. */
export function hashApiKey(text: string): string {
  return hash('sha256', text, 'hex');
}

function hasIssuedForm(text: string, prefix: string): boolean {
  if (!text.startsWith(`${prefix}_`)) return false;
  const rest = text.slice(prefix.length + 1);
  const body = /^(?:live|test|dev)_([0-9A-Za-z]+)$/.exec(rest)?.[1];
  return body?.length === BODY_LENGTH;
}

function hasRightChecksum(text: string): boolean {
  const end = text.length - CHECKSUM_LENGTH;
  return checksum(text.slice(0, end)) === text.slice(end);
}

function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(2 * (length - text.length))) {
      // 248 = 4 × 62: the bytes above it would make the first eight digits likelier than the rest.
      if (byte < 248 && text.length < length) text += DIGITS[byte % 62];
    }
  }
  return text;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = DIGITS[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
