import type { Exchange } from '../../exchange/exchange.ts';
import type { FailedAuth } from '../../identity/failed-auth.ts';
import type { KeyDirectory } from '../../identity/key-directory.ts';
import type { KeyLookup } from '../../identity/known-key.ts';
import { type AccessStep, defineAccessPolicy, type Verdict } from '../policy.ts';
import { readCredential } from './credential.ts';
import { missing, refused, storeUnavailable, tooManyFailures } from './refusals.ts';
import { type AuthConfig, AuthSchema } from './schema.ts';

/**
 * Decides who calls: sets the exchange's principal and the header that must not be forwarded, or refuses. Synchronous
 * when the key is known. A key that cannot be looked up because the store is down is 503, never 401: a client would
 * throw a good key away.
 */
export const authPolicy = defineAccessPolicy({
  name: 'auth',
  phase: 'access',
  schema: AuthSchema,
  errors: [
    'MISSING_CREDENTIAL',
    'INVALID_CREDENTIAL',
    'EXPIRED_CREDENTIAL',
    'REVOKED_CREDENTIAL',
    'RATE_LIMIT_EXCEEDED',
    'STORE_UNAVAILABLE',
  ],
  create: (config, deps) => [createAuthStep(config, deps)],
});

/** What authentication needs of the dependencies. */
interface AuthDependencies {
  readonly directory: KeyDirectory;
  readonly failedAuth: FailedAuth;
}

export function createAuthStep(config: AuthConfig, deps: AuthDependencies): AccessStep {
  const { directory, failedAuth } = deps;
  const keyHeader = config.header.toLowerCase();
  const closesOnStaleFeed = config.on_stale_feed === 'closed';
  const noCredential = missing(config.header);
  const unavailable = storeUnavailable('The API key cannot be looked up at the moment.');
  const staleFeed = storeUnavailable('Revocations cannot be read at the moment.');

  const settle = (exchange: Exchange, header: string, lookup: KeyLookup): Verdict => {
    if (lookup.kind === 'found') {
      exchange.principal = lookup.principal;
      exchange.credentialHeader = header;
      return undefined;
    }
    if (lookup.kind === 'unavailable') return unavailable;
    const waitMs = failedAuth.recordFailure(exchange.clientIp);
    return waitMs === undefined ? refused(lookup.reason) : tooManyFailures(waitMs);
  };

  return {
    name: 'auth',
    decide: (exchange) => {
      const presented = readCredential(exchange.edge.headers, keyHeader);
      if (!presented) return noCredential;
      if (closesOnStaleFeed && directory.isFeedStale()) return staleFeed;
      const { text, header } = presented;
      const lookup = directory.find(text, exchange.clientIp);
      if (lookup instanceof Promise) return lookup.then((found) => settle(exchange, header, found));
      return settle(exchange, header, lookup);
    },
  };
}
