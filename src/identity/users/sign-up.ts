import type { Clock } from '../../lib/clock.ts';
import { ipGroup } from '../../lib/ip-group.ts';
import type { AuditContext } from '../audit/audit-context.ts';
import { refuseWhile } from './throttled.ts';
import type { NewUser, User, Users } from './users.ts';
import { WindowedCounts } from './windowed-counts.ts';

/** Accounts one address may ask for: each costs a hash, and refusals tell which addresses are taken. */
const RULE = { limit: 100, window: 60 * 60_000 };
/** The same for everybody together. */
const GLOBAL_RULE = { limit: 1000, window: 60 * 60_000 };

/** Accounts that people make for themselves. Counts are per process. */
export class SignUps {
  private readonly users: Users;
  private readonly addresses: WindowedCounts;
  private readonly all: WindowedCounts;

  constructor(users: Users, clock: Clock) {
    this.users = users;
    this.addresses = new WindowedCounts(RULE, clock);
    this.all = new WindowedCounts(GLOBAL_RULE, clock);
  }

  /** As `Users.create`; throws RATE_LIMIT_EXCEEDED too. */
  signUp(fields: NewUser & { readonly password: string }, by: AuditContext): Promise<User> {
    const group = ipGroup(by.address ?? '');
    refuseWhile(Math.max(this.addresses.waitFor(group), this.all.waitFor('')), 'sign-ups');
    this.addresses.add(group);
    this.all.add('');
    return this.users.create(fields, by);
  }
}
