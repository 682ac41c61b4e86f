import { afterEach } from '@jest/globals';
import { type Identity, type IdentityOptions, openIdentity } from '../../src/identity/identity.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Database } from '../../src/storage/database.ts';

/** Opens identities that are closed after the test. To be called while a suite is described. */
export function makeIdentities(): (database: Database, options?: Partial<IdentityOptions>) => Promise<Identity> {
  const opened: Identity[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((identity) => identity.close()));
  });
  return async (database, options = {}) => {
    const failedAuth = { limit: 60, window: 60_000 };
    const identity = await openIdentity({ database, clock: systemClock, failedAuth, ...options });
    opened.push(identity);
    return identity;
  };
}
