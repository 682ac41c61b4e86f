import type { Exchange } from '../exchange/exchange.ts';
import type { Principal } from '../exchange/principal.ts';
import type { IdentityChange } from '../identity/identity-changes.ts';
import type { KeyLookup } from '../identity/known-key.ts';
import type { Roster } from '../lib/roster.ts';

type Find = (presented: string, from: string) => KeyLookup | Promise<KeyLookup>;

interface RevokedExchangesOptions {
  readonly running: Roster<Exchange>;
  /** How a credential of each kind is looked up again. */
  readonly find: Readonly<Record<Principal['credential']['kind'], Find>>;
  readonly end: (exchange: Exchange) => void;
}

type IdentityChanges = readonly IdentityChange[] | 'everything';

const BEARER = /^bearer\s+/i;

/**
 * Ends the requests, streams and tunnels of callers whose credential is no longer valid. A change names a key, a
 * consumer or a token; of what runs for it each credential is looked up again, because most changes take nothing away.
 */
export class RevokedExchanges {
  private readonly options: RevokedExchangesOptions;

  constructor(options: RevokedExchangesOptions) {
    this.options = options;
  }

  /** To be called once the directories have forgotten what changed. */
  readonly note = (changes: IdentityChanges): void => {
    const names = changes === 'everything' ? undefined : new Set(changes.map(nameOf));
    for (const exchange of this.options.running.list()) {
      const { principal } = exchange;
      if (principal && (!names || namesOf(principal).some((name) => names.has(name))))
        void this.check(exchange, principal);
    }
  };

  private async check(exchange: Exchange, { credential }: Principal): Promise<void> {
    const { credentialHeader, edge, clientIp } = exchange;
    const text = credentialHeader === undefined ? undefined : edge.headers.get(credentialHeader);
    const presented = credentialHeader === 'authorization' ? text?.replace(BEARER, '') : text;
    // What cannot be looked up again is not known to be good.
    const lookup = presented && (await this.options.find[credential.kind](presented, clientIp));
    if (!lookup || isTakenAway(lookup)) this.options.end(exchange);
  }
}

/** A store that is down revokes nothing, and a token that has expired was valid for the requests it started. */
function isTakenAway(lookup: KeyLookup): boolean {
  return lookup.kind === 'refused' && lookup.reason !== 'throttled' && lookup.reason !== 'expired';
}

/** Of a key only eight digits of its hash are kept with a principal. */
function nameOf({ kind, subject }: IdentityChange): string {
  if (kind === 'key') return `key:${subject.slice(0, 8)}`;
  return kind === 'consumer' ? `consumer:${subject}` : subject;
}

function namesOf({ consumer, credential }: Principal): string[] {
  const ofCaller = [`consumer:${consumer.id}`, `consumer:${consumer.name}`];
  if (credential.kind === 'api_key') return [...ofCaller, `key:${credential.hashPrefix}`];
  return [...ofCaller, `jti:${credential.id}`, `family:${credential.family}`];
}
