import { Rejection } from '../../errors/rejection.ts';
import type { KeyRefusal, TokenFault } from '../../identity/known-key.ts';

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

/** Enough to mend a setup, and nothing that an attacker does not know from the token. */
const HINTS: Readonly<Record<TokenFault, string>> = {
  form: 'it is no signed token that can be read',
  issuer: 'its issuer (iss) is not accepted here',
  audience: 'it is meant for another audience (aud)',
  key: 'its key (kid) is not among those the issuer publishes',
  algorithm: 'its algorithm (alg) is not accepted here',
  signature: 'its signature does not verify',
  time: 'its dates (iat, nbf, exp) do not hold now',
  type: 'it is not an access token',
  claim: 'a claim is missing or cannot be read',
  owner: 'nobody here has its subject (sub) any more',
};

/** The answer to a credential that is good and of a kind that is not taken here. */
export const WRONG_KIND: Readonly<Record<CredentialKind, Rejection>> = {
  api_key: invalid('INVALID_CREDENTIAL', 'This API key is valid, but only tokens are accepted here.', 'kind'),
  token: invalid('INVALID_CREDENTIAL', 'This token is valid, but only API keys are accepted here.', 'kind'),
};

/** Both credentials of a request are good, and nobody can tell who of the two is calling. */
export const TWO_CALLERS = invalid(
  'INVALID_CREDENTIAL',
  'The two credentials of this request belong to different callers: send one of them.',
  'two callers',
);

/** The answer to a credential that failed and counted towards the address's failures. */
export function refused(reason: KeyRefusal, kind: CredentialKind, why?: TokenFault): Rejection {
  if (why) return invalid('INVALID_CREDENTIAL', `The token is not valid: ${HINTS[why]}.`, why);
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

function invalid(
  code: 'INVALID_CREDENTIAL' | 'EXPIRED_CREDENTIAL' | 'REVOKED_CREDENTIAL',
  detail: string,
  internal?: string,
): Rejection {
  const challenge = `${CHALLENGE}, error="invalid_token", error_description="${detail}"`;
  const headers = { 'WWW-Authenticate': challenge };
  return new Rejection(code, detail, { headers, ...(internal !== undefined && { internal }) });
}
