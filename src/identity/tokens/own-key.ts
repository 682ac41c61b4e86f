import { randomBytes } from 'node:crypto';
import type { OwnTokenConfig } from '../../config/token-schema.ts';

/** The key of the gateway's own tokens, ready for use. */
export interface OwnKey {
  readonly key: CryptoKey;
  readonly config: OwnTokenConfig;
}

/** Bits of the hash: RFC 7518 section 3.2 wants a secret at least as long. */
const HASH_BITS: { readonly [A in OwnTokenConfig['algorithm']]: number } = { HS256: 256, HS384: 384, HS512: 512 };

/** Imports the secret once, because importing costs as much as a signature. `undefined` without a secret. */
export async function importOwnKey(config: OwnTokenConfig): Promise<OwnKey | undefined> {
  if (config.secret === undefined) return undefined;
  const bytes = Buffer.from(config.secret.reveal(), 'utf8');
  const hash = `SHA-${HASH_BITS[config.algorithm]}`;
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash }, false, ['sign', 'verify']);
  return { key, config };
}

/** A secret for one development start. */
export function makeTokenSecret(): string {
  return randomBytes(64).toString('base64url');
}
