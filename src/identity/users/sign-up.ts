import type { Clock } from '../../lib/clock.ts';
import { ipSite } from '../../lib/ip-group.ts';
import type { AuditContext } from '../audit/audit-context.ts';
import { refuseWhile } from './throttled.ts';
import type { NewUser, User, Users } from './users.ts';
import { WindowedCounts } from './windowed-counts.ts';

/** Accounts one address (IPv6 by /48) may ask for: each costs a hash, and refusals tell which addresses are taken. */
const RULE = { limit: 100, window: 60 * 60_000 };
/** The same for everybody together. */
const GLOBAL_RULE = { limit: 1000, window: 60 * 60_000 };
/** What an address may still ask for after the common total is reached, so that a flood does not block others. */
const KEPT_RULE = { limit: 2, window: 60 * 60_000 };

/**
 * Accounts that people make for themselves. What is refused before it costs a hash is not counted. Counts are per
 * process.
 */
export class SignUps {
  private readonly users: Users;
  private readonly addresses: WindowedCounts;
  private readonly kept: WindowedCounts;
  private readonly all: WindowedCounts;
  private readonly onRefused: () => void;

  constructor(users: Users, clock: Clock, onRefused: () => void = () => undefined) {
    this.users = users;
    this.onRefused = onRefused;
    this.kept = new WindowedCounts(KEPT_RULE, clock);
    this.addresses = new WindowedCounts(RULE, clock);
    this.all = new WindowedCounts(GLOBAL_RULE, clock);
  }

  /** As `Users.create`; throws RATE_LIMIT_EXCEEDED too. */
  async signUp(fields: NewUser & { readonly password: string }, by: AuditContext): Promise<User> {
    const site = ipSite(by.address ?? '');
    try {
      this.users.check(fields);
      const waitForAll = Math.min(this.all.waitFor(''), this.kept.waitFor(site));
      refuseWhile(Math.max(this.addresses.waitFor(site), waitForAll), 'sign-ups');
      for (const counts of [this.addresses, this.kept]) counts.add(site);
      this.all.add('');
      return await this.users.create(fields, by);
    } catch (error) {
      this.onRefused();
      throw error;
    }
  }
}
