import { createHash, timingSafeEqual } from 'node:crypto';
import { Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { FailedAuth } from '../identity/failed-auth.ts';
import type { Secret } from '../lib/secret.ts';

const HEADER = 'X-Master-Key';
/** RFC 9110 11.6.1 wants a challenge on every 401; the scheme is our own, because none exists for a header. */
const CHALLENGE = { 'WWW-Authenticate': `${HEADER} realm="turnpike"` };

const OFF = new Rejection('STORE_UNAVAILABLE', 'The admin API is off: the gateway was started without MASTER_KEY.');
const MISSING = new Rejection('MISSING_CREDENTIAL', `Send the master key in ${HEADER}.`, { headers: CHALLENGE });
const WRONG = new Rejection('INVALID_CREDENTIAL', 'The master key is not valid.', { headers: CHALLENGE });

/**
 * Checks the master key. The comparison takes the same time for every input. Wrong keys count towards the
 * failures of the client's address; a right one always passes.
 */
export class MasterKeyGuard {
  private readonly digests: readonly Buffer[];
  private readonly failedAuth: FailedAuth;

  constructor(keys: readonly Secret[], failedAuth: FailedAuth) {
    this.digests = keys.map((key) => sha256(key.reveal()));
    this.failedAuth = failedAuth;
  }

  /** `undefined` when the caller holds a master key. */
  check({ edge, clientIp }: Exchange): Rejection | undefined {
    if (this.digests.length === 0) return OFF;
    const presented = edge.headers.get(HEADER.toLowerCase());
    if (!presented) return MISSING;
    if (this.isKnown(sha256(presented))) return undefined;
    const waitMs = this.failedAuth.recordFailure(clientIp, 'master_key');
    return waitMs === undefined ? WRONG : tooMany(waitMs);
  }

  private isKnown(digest: Buffer): boolean {
    let isKnown = false;
    // Every key is compared, so that the time does not reveal which one came close.
    for (const known of this.digests) isKnown = timingSafeEqual(known, digest) || isKnown;
    return isKnown;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function tooMany(waitMs: number): Rejection {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  const detail = `Too many failed credentials. Retry after ${retryAfterSeconds} seconds.`;
  return new Rejection('RATE_LIMIT_EXCEEDED', detail, { facts: { retryAfterSeconds } });
}
