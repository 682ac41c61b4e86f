import type { Exchange } from '../../exchange/exchange.ts';
import type { FailedAuth } from '../../identity/failed-auth.ts';
import type { KeyDirectory } from '../../identity/key-directory.ts';
import type { KeyLookup } from '../../identity/known-key.ts';
import type { Tokens } from '../../identity/tokens/tokens.ts';
import { type AccessStep, defineAccessPolicy, type Verdict } from '../policy.ts';
import { createOpenStep } from './open-route.ts';
import { type Accepted, type Presented, readCredential } from './credential.ts';
import { AS_BEARER, clearHandshake, leaveOut } from './socket-credential.ts';
import { ELSEWHERE, missing, refused, storeUnavailable, tooManyFailures, TWO_CALLERS, WRONG_KIND } from './refusals.ts';
import { type AuthConfig, AuthSchema } from './schema.ts';

/**
 * Decides who calls: sets the exchange's principal and the header that must not be forwarded, or refuses. Synchronous
 * when the key or token is known. One that cannot be looked up because the store is down is 503, never 401: a client
 * would throw a good key away.
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
    'IP_NOT_ALLOWED',
    'RATE_LIMIT_EXCEEDED',
    'STORE_UNAVAILABLE',
  ],
  create: (config, deps) => [createAuthStep(config, deps)],
  createOff: () => [createOpenStep()],
});

/** What authentication needs of the dependencies. */
interface AuthDependencies {
  readonly directory: KeyDirectory;
  readonly tokens: Pick<Tokens, 'directory' | 'isOpen'>;
  readonly failedAuth: FailedAuth;
}

export function createAuthStep(config: AuthConfig, deps: AuthDependencies): AccessStep {
  const { directory, tokens, failedAuth } = deps;
  const closesOnStaleFeed = config.on_stale_feed === 'closed';
  const staleFeed = storeUnavailable('Revocations cannot be read at the moment.');
  const unavailable = {
    api_key: storeUnavailable('The API key cannot be looked up at the moment.'),
    token: storeUnavailable('The token cannot be verified at the moment.'),
  };
  const [withTokens, withoutTokens] = [true, false].map((areOpen) => acceptanceOf(config, areOpen));

  const look = ({ kind, text }: Presented, { clientIp }: Exchange) =>
    (kind === 'token' ? tokens.directory : directory).find(text, clientIp);

  const settle = (exchange: Exchange, presented: Presented, lookup: KeyLookup): Verdict => {
    const { kind, header, isAccepted } = presented;
    if (lookup.kind === 'found') {
      if (!isAccepted) return WRONG_KIND[kind];
      exchange.principal = lookup.principal;
      exchange.credentialHeader = header;
      if (presented.isTwice) leaveOut(exchange, AS_BEARER);
      if (exchange.edge.upgrade !== undefined) clearHandshake(exchange, presented, config.token_in_query);
      return lookup.principal.addresses?.(exchange.clientIp) === false ? ELSEWHERE : undefined;
    }
    if (lookup.kind === 'unavailable') return unavailable[kind];
    const waitMs = failedAuth.recordFailure(exchange.clientIp, kind);
    return waitMs === undefined ? refused(lookup.reason, kind, lookup.why) : tooManyFailures(waitMs);
  };

  /** Ours decides, whichever header it came in: the other one may be meant for the upstream. */
  const settleBoth = async (exchange: Exchange, first: Presented, second: Presented): Promise<Verdict> => {
    const [one, two] = await Promise.all([look(first, exchange), look(second, exchange)]);
    const isFirst = one.kind === 'found' && first.isAccepted;
    const isSecond = two.kind === 'found' && second.isAccepted;
    if (isFirst && isSecond && one.principal.consumer.id !== two.principal.consumer.id) return TWO_CALLERS;
    if (!isFirst && (isSecond || two.kind === 'unavailable')) return settle(exchange, second, two);
    const verdict = settle(exchange, first, one);
    if (isFirst && isSecond) leaveOut(exchange, second);
    return verdict;
  };

  return {
    name: 'auth',
    decide: (exchange) => {
      const { accepted, nothing } = (tokens.isOpen ? withTokens : withoutTokens) as Acceptance;
      const presented = readCredential(exchange.edge, accepted);
      if (!presented) return nothing;
      if (closesOnStaleFeed && directory.isFeedStale()) return staleFeed;
      if (presented.other) return settleBoth(exchange, presented, presented.other);
      const lookup = look(presented, exchange);
      if (lookup instanceof Promise) return lookup.then((found) => settle(exchange, presented, found));
      return settle(exchange, presented, lookup);
    },
  };
}

interface Acceptance {
  readonly accepted: Accepted;
  /** The answer to a request without a credential. */
  readonly nothing: Verdict;
}

/** `areTokensOpen`: whether there is anything to verify tokens with, which decides where no modes are written. */
function acceptanceOf({ modes, header, token_in_query }: AuthConfig, areTokensOpen: boolean): Acceptance {
  const keys = modes?.includes('api_key') ?? true;
  const takesTokens = modes?.includes('jwt') ?? areTokensOpen;
  const keyHeader = keys ? header.toLowerCase() : undefined;
  const accepted = { keyHeader, tokens: takesTokens, inQuery: token_in_query };
  return { accepted, nothing: missing(askFor(header, keys, takesTokens)) };
}

function askFor(header: string, keys: boolean, takesTokens: boolean): string {
  if (!keys) return 'Send a token as Authorization: Bearer.';
  return `Send an API key in ${header} or ${takesTokens ? 'a key or token ' : ''}as Authorization: Bearer.`;
}
