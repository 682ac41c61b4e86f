import { createBoundedCache } from '../../lib/bounded-cache.ts';
import type { Clock } from '../../lib/clock.ts';
import { ipGroup } from '../../lib/ip-group.ts';
import { type CountRule, WindowedCounts } from './windowed-counts.ts';

/** Who tries to log in: the normalised e-mail address, whether or not it has an account, and the client's address. */
export interface LoginAttempt {
  readonly account: string;
  readonly address: string;
}

const MINUTE_MS = 60_000;
/** One client at one account: more than anybody mistypes. */
const PAIR_RULE = { limit: 10, window: 5 * MINUTE_MS };
/** All clients together at one account. */
const ACCOUNT_RULE = { limit: 50, window: 15 * MINUTE_MS };
/** All clients together at all accounts: a fraction of what the hashes would allow. */
const GLOBAL_RULE = { limit: 1000, window: MINUTE_MS };

const MOST_KEYS = 50_000;

/**
 * Says when a login must not even be tried, because too many have failed: for its account and address together, for
 * its account, for its address, or anywhere. Whoever has logged in from an address before is bound by the first rule
 * only, so that nobody can lock others out of their accounts. Counts are per process and bounded to what failed last.
 */
export class LoginThrottle {
  private readonly pairs: WindowedCounts;
  private readonly accounts: WindowedCounts;
  private readonly addresses: WindowedCounts;
  private readonly all: WindowedCounts;
  private readonly known = createBoundedCache<string, true>(MOST_KEYS);

  constructor(perAddress: CountRule, clock: Clock) {
    this.pairs = new WindowedCounts(PAIR_RULE, clock);
    this.accounts = new WindowedCounts(ACCOUNT_RULE, clock);
    this.addresses = new WindowedCounts(perAddress, clock);
    this.all = new WindowedCounts(GLOBAL_RULE, clock);
  }

  /** The rule for one address; takes effect at once, windows that run keep their end. */
  configure(perAddress: CountRule): void {
    this.addresses.rule = perAddress;
  }

  /** Milliseconds until it may be tried; 0 when it may now. */
  waitFor(attempt: LoginAttempt): number {
    const { pair, address } = keysOf(attempt);
    const ofPair = this.pairs.waitFor(pair);
    if (this.known.get(pair)) return ofPair;
    return Math.max(
      ofPair,
      this.accounts.waitFor(attempt.account),
      this.addresses.waitFor(address),
      this.all.waitFor(''),
    );
  }

  recordFailure(attempt: LoginAttempt): void {
    const { pair, address } = keysOf(attempt);
    this.pairs.add(pair);
    this.accounts.add(attempt.account);
    this.addresses.add(address);
    this.all.add('');
  }

  recordSuccess(attempt: LoginAttempt): void {
    const { pair } = keysOf(attempt);
    this.known.set(pair, true);
    this.pairs.forget(pair);
  }
}

/** An address has no space in it, and neither has an account. */
function keysOf({ account, address }: LoginAttempt): { readonly pair: string; readonly address: string } {
  const group = ipGroup(address);
  return { pair: `${group} ${account}`, address: group };
}
