import type { Clock } from '../../lib/clock.ts';
import type { Database } from '../../storage/database.ts';
import type { FailedAuthSettings } from '../failed-auth.ts';
import type { Tokens } from '../tokens/tokens.ts';
import { LoginThrottle } from './login-throttle.ts';
import { Logins } from './login.ts';
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
}

interface AccountsOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly failedAuth: FailedAuthSettings;
  readonly tokens: Tokens;
  readonly announce: () => Promise<void>;
}

export function openAccounts({ database, clock, failedAuth, tokens, announce }: AccountsOptions): Accounts {
  const passwords = new Passwords();
  const users = new Users(database, clock, passwords);
  const loginThrottle = new LoginThrottle(failedAuth, clock);
  return {
    users,
    signUps: new SignUps(users, clock),
    logins: new Logins({ users, passwords, throttle: loginThrottle, clock }),
    loginThrottle,
    sessions: new Sessions({ database, clock, tokens, announce }),
  };
}
