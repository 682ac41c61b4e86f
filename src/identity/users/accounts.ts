import type { Clock } from '../../lib/clock.ts';
import type { Database } from '../../storage/database.ts';
import type { ApiKeys } from '../api-keys.ts';
import type { Door, FailedAuth, FailedAuthSettings } from '../failed-auth.ts';
import type { Tokens } from '../tokens/tokens.ts';
import { LoginThrottle } from './login-throttle.ts';
import { Logins } from './login.ts';
import { OwnKeys } from './own-keys.ts';
import { Passwords } from './passwords.ts';
import { Sessions } from './refresh-tokens.ts';
import { SignUps } from './sign-up.ts';
import { Users } from './users.ts';

/** People with a password, and their logins. */
export interface Accounts {
  readonly users: Users;
  readonly signUps: SignUps;
  readonly logins: Logins;
  readonly loginThrottle: LoginThrottle;
  readonly sessions: Sessions;
  readonly ownKeys: OwnKeys;
}

interface AccountsOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Failing logins one address may send. */
  readonly perAddress: FailedAuthSettings;
  readonly failedAuth: FailedAuth;
  readonly keys: ApiKeys;
  readonly tokens: Tokens;
  readonly announce: () => Promise<void>;
  readonly onFailure: (door: Door) => void;
}

export function openAccounts(options: AccountsOptions): Accounts {
  const { database, clock } = options;
  const passwords = new Passwords();
  const users = new Users(database, clock, passwords);
  const loginThrottle = new LoginThrottle(options.perAddress, clock);
  return {
    users,
    signUps: new SignUps(users, clock, () => options.onFailure('sign_up')),
    logins: new Logins({
      users,
      passwords,
      throttle: loginThrottle,
      clock,
      onFailure: () => options.onFailure('login'),
    }),
    loginThrottle,
    sessions: new Sessions(options),
    ownKeys: new OwnKeys(options),
  };
}
