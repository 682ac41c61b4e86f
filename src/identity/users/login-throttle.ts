import { createBoundedCache } from '../../lib/bounded-cache.ts';
import type { Clock } from '../../lib/clock.ts';
import { ipGroup, ipSite } from '../../lib/ip-group.ts';
import { type CountRule, WindowedCounts } from './windowed-counts.ts';

/** A login attempt: the normalised e-mail address, whether or not it has an account, and the client's address. */
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

/** One site (IPv6 by /48) beside the rule for each of its addresses. */
const SITE_FACTOR = 5;
/** Logins of one site that may wait for their hash at a time: an office in the morning, and no way to fill the queue. */
const PLACES = 16;
/** Logins of strangers that may wait at a time, with as many of a site as it has places, and with one of each site. */
const MOST_WAITING = { many: 64, each: 112 };

const MOST_KEYS = 50_000;

/**
 * Says when a login must not even be tried, because too many have failed: for its account and address together, for
 * its account, for its address, or anywhere. A user who has logged in from an address before is bound by the first rule
 * only, so that nobody can lock others out of their accounts. Counts are per process and bounded to what failed last.
 */
export class LoginThrottle {
  private readonly pairs: WindowedCounts;
  private readonly accounts: WindowedCounts;
  private readonly addresses: WindowedCounts;
  private readonly sites: WindowedCounts;
  private readonly waiting = new Map<string, number>();
  private waitingInAll = 0;
  private readonly all: WindowedCounts;
  private readonly known = createBoundedCache<string, true>(MOST_KEYS);

  constructor(perAddress: CountRule, clock: Clock) {
    this.pairs = new WindowedCounts(PAIR_RULE, clock);
    this.accounts = new WindowedCounts(ACCOUNT_RULE, clock);
    this.addresses = new WindowedCounts(perAddress, clock);
    this.sites = new WindowedCounts(ruleForSites(perAddress), clock);
    this.all = new WindowedCounts(GLOBAL_RULE, clock);
  }

  /** The rule for one address; takes effect at once, windows that run keep their end. */
  configure(perAddress: CountRule): void {
    this.addresses.rule = perAddress;
    this.sites.rule = ruleForSites(perAddress);
  }

  /** Milliseconds until it may be tried; 0 when it may now. */
  waitFor(attempt: LoginAttempt): number {
    const { pair, address, site } = keysOf(attempt);
    const ofPair = this.pairs.waitFor(pair);
    if (this.known.get(pair)) return ofPair;
    return Math.max(
      ofPair,
      this.accounts.waitFor(attempt.account),
      this.addresses.waitFor(address),
      this.sites.waitFor(site),
      this.all.waitFor(''),
    );
  }

  /**
   * Runs a login that costs a hash, in one of the places of its site; `undefined` if none is free. A user who logged in
   * from this address before needs none, so that a flood of strangers cannot block them.
   */
  async takePlace<T>(attempt: LoginAttempt, work: () => Promise<T>): Promise<T | undefined> {
    const { pair, site } = keysOf(attempt);
    if (this.known.get(pair)) return work();
    const taken = this.waiting.get(site) ?? 0;
    const places = this.waitingInAll < MOST_WAITING.many ? PLACES : 1;
    if (taken >= places || this.waitingInAll >= MOST_WAITING.each) return undefined;
    this.waiting.set(site, taken + 1);
    this.waitingInAll += 1;
    try {
      return await work();
    } finally {
      this.givePlaceBack(site);
    }
  }

  recordFailure(attempt: LoginAttempt): void {
    const { pair, address, site } = keysOf(attempt);
    this.sites.add(site);
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

  private givePlaceBack(site: string): void {
    const left = (this.waiting.get(site) ?? 1) - 1;
    if (left > 0) this.waiting.set(site, left);
    else this.waiting.delete(site);
    this.waitingInAll -= 1;
  }
}

/** An address has no space in it, and neither has an account. */
function keysOf({ account, address }: LoginAttempt) {
  const group = ipGroup(address);
  return { pair: `${group} ${account}`, address: group, site: ipSite(address) };
}

function ruleForSites({ limit, window }: CountRule): CountRule {
  return { limit: limit * SITE_FACTOR, window };
}
