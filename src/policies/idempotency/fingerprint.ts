import { hash, webcrypto } from 'node:crypto';
import type { Exchange } from '../../exchange/exchange.ts';

/** Longer bodies are hashed on another thread: a megabyte takes about two milliseconds. */
const LONGEST_IN_LINE = 256 * 1024;

/**
 * Under which name a caller's key is stored: its owner, a dot and SHA-256 in hex; of no use to anybody who reads the store.
 */
export function digestKey(consumerId: string, key: string): string {
  // A key holds no line end, so no two pairs read the same.
  return `${hash('sha256', consumerId).slice(0, 16)}.${hash('sha256', `${consumerId}\n${key}`)}`;
}

/**
 * What makes two requests the same: route, method, path with query, content type and every byte of the body. SHA-256 in
 * hex. The body must have been gathered.
 */
export async function fingerprintOf({ edge, route, body }: Exchange): Promise<string> {
  const contentType = edge.headers.get('content-type') ?? '';
  const head = [route?.name, edge.method, edge.path + edge.query, contentType].join('\n');
  return hash('sha256', `${head}\n${await digestOf(body.bytes)}`);
}

function digestOf(bytes: Buffer | undefined): string | Promise<string> {
  if (bytes === undefined || bytes.length === 0) return '';
  return bytes.length <= LONGEST_IN_LINE ? hash('sha256', bytes) : digestElsewhere(bytes);
}

async function digestElsewhere(bytes: Buffer): Promise<string> {
  const digest = await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Buffer.from(digest).toString('hex');
}
