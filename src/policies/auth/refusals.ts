import { Rejection } from '../../errors/rejection.ts';
import type { KeyRefusal } from '../../identity/known-key.ts';

/** How long a client is asked to wait for a store that is down: about what finding it again takes. */
const STORE_RETRY_SECONDS = 2;

/** RFC 6750 section 3: no error word when the request carried no credential at all. */
const CHALLENGE = 'Bearer realm="turnpike"';

/** The credential is good, and bound to other addresses. */
export const ELSEWHERE = new Rejection('IP_NOT_ALLOWED', 'This credential may not be used from this address.');

export function missing(detail: string): Rejection {
  return new Rejection('MISSING_CREDENTIAL', detail, { headers: { 'WWW-Authenticate': CHALLENGE } });
}

export function storeUnavailable(detail: string): Rejection {
  return new Rejection('STORE_UNAVAILABLE', detail, {
    headers: { 'Retry-After': String(STORE_RETRY_SECONDS) },
    facts: { retryAfterSeconds: STORE_RETRY_SECONDS },
  });
}

/** What was presented. */
export type CredentialKind = 'api_key' | 'token';

const WORDS = {
  api_key: {
    expired: 'The API key has expired.',
    revoked: 'The API key has been revoked.',
    disabled: 'The owner of the API key is disabled.',
    unknown: 'The API key is not valid.',
  },
  token: {
    // Clients look for these very words to know that they must log in again.
    expired: 'Token has expired',
    revoked: 'The token has been revoked.',
    disabled: 'The owner of the token is disabled.',
    unknown: 'The token is not valid.',
  },
} as const;

/** The answer to a credential that failed and counted towards the address's failures. */
export function refused(reason: KeyRefusal, kind: CredentialKind): Rejection {
  const words = WORDS[kind];
  switch (reason) {
    case 'expired':
      return invalid('EXPIRED_CREDENTIAL', words.expired);
    case 'revoked':
      return invalid('REVOKED_CREDENTIAL', words.revoked);
    case 'disabled':
      return invalid('REVOKED_CREDENTIAL', words.disabled);
    case 'unknown':
    case 'throttled':
      return invalid('INVALID_CREDENTIAL', words.unknown);
  }
}

/** The answer to a failing credential from an address that has failed too often. */
export function tooManyFailures(waitMs: number): Rejection {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new Rejection('RATE_LIMIT_EXCEEDED', `Too many failed credentials. Retry after ${seconds} seconds.`, {
    headers: { 'Retry-After': String(seconds) },
    facts: { retryAfterSeconds: seconds },
  });
}

function invalid(code: 'INVALID_CREDENTIAL' | 'EXPIRED_CREDENTIAL' | 'REVOKED_CREDENTIAL', detail: string): Rejection {
  const challenge = `${CHALLENGE}, error="invalid_token", error_description="${detail}"`;
  return new Rejection(code, detail, { headers: { 'WWW-Authenticate': challenge } });
}
