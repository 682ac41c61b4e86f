import { setTimeout as wait } from 'node:timers/promises';
import { GatewayError, Rejection } from '../../errors/rejection.ts';
import type { Clock } from '../../lib/clock.ts';
import { normalizeEmail } from './email.ts';
import type { LoginAttempt, LoginThrottle } from './login-throttle.ts';
import { isOutdated } from './password-format.ts';
import { checkPresentedPassword, type Passwords } from './passwords.ts';
import { refuseWhile } from './throttled.ts';
import type { User, Users, UserWithPassword } from './users.ts';

export interface LoginRequest {
  readonly email: string;
  readonly password: string;
  /** The client's. */
  readonly address: string;
}

interface LoginsOptions {
  readonly users: Users;
  readonly passwords: Passwords;
  readonly throttle: LoginThrottle;
  readonly clock: Clock;
  /** Called for each login that is refused. */
  readonly onFailure?: (() => void) | undefined;
}

/** bcrypt with the usual cost is slower than our own hashes; a failure must not reveal which one was computed. */
const FLOOR_MS = 500;
const IMPORTED_CHECK_MS = 60_000;

/**
 * Decides who may log in with a password. That there is no such account, that it is disabled and that the password is
 * wrong are one and the same failure: in words, in the work done and in time. Throws GatewayError INVALID_CREDENTIAL,
 * RATE_LIMIT_EXCEEDED after too many failures, OVERLOADED, or VALIDATION_ERROR; errors of the store pass through.
 */
export class Logins {
  private readonly options: LoginsOptions;
  private importedCheck: { readonly at: number; readonly result: Promise<boolean> } | undefined;

  constructor(options: LoginsOptions) {
    this.options = options;
  }

  async logIn({ email, password, address }: LoginRequest): Promise<User> {
    const { users, throttle } = this.options;
    const attempt = { account: normalizeEmail(email), address };
    checkPresentedPassword(password);
    this.refuseThrottled(attempt);
    const found = await users.findWithPassword(attempt.account);
    const outcome = await throttle.takePlace(attempt, async () => ({
      user: await this.admit(found, password, attempt),
    }));
    if (!outcome) return refuseCrowd();
    const { user } = outcome;
    if (!user) {
      this.options.onFailure?.();
      throttle.recordFailure(attempt);
      return refuse();
    }
    throttle.recordSuccess(attempt);
    await this.renewHash(user, password);
    return user;
  }

  /** The user, or `undefined` when there is none, when it is disabled and when the password is wrong: after equal work. */
  private async admit(
    user: UserWithPassword | undefined,
    password: string,
    attempt: LoginAttempt,
  ): Promise<UserWithPassword | undefined> {
    const { passwords, clock } = this.options;
    const hasImported = await this.hasImportedHashes();
    let begunAt = clock.monotonic();
    const isRight = await passwords.verify(password, user?.passwordHash, () => {
      // The failures that make this one too many may have come while it waited for its turn.
      this.refuseThrottled(attempt);
      begunAt = clock.monotonic();
    });
    if (isRight && user?.status === 'active') return user;
    if (hasImported) await wait(Math.max(0, begunAt + FLOOR_MS - clock.monotonic()));
    return undefined;
  }

  private refuseThrottled(attempt: LoginAttempt): void {
    refuseWhile(this.options.throttle.waitFor(attempt), 'failed logins');
  }

  /** The login has succeeded: that a better hash cannot be kept this time must not undo it. */
  private async renewHash(user: UserWithPassword, password: string): Promise<void> {
    if (!isOutdated(user.passwordHash)) return;
    try {
      await this.options.users.renewHash(user, await this.options.passwords.hash(password));
    } catch {
      // The next login tries again.
    }
  }

  /** Asked of the store once a minute at most. */
  private hasImportedHashes(): Promise<boolean> {
    const now = this.options.clock.monotonic();
    if (!this.importedCheck || now - this.importedCheck.at >= IMPORTED_CHECK_MS) {
      const result = this.options.users.hasImportedHashes();
      this.importedCheck = { at: now, result };
      result.catch(() => {
        this.importedCheck = undefined;
      });
    }
    return this.importedCheck.result;
  }
}

/** Others of the same site, or too many strangers, are being looked at: nothing is known about this login. */
function refuseCrowd(): never {
  const facts = { retryAfterSeconds: 1 };
  throw new GatewayError(new Rejection('OVERLOADED', 'Too many logins are being checked. Retry shortly.', { facts }));
}

/** RFC 9110 section 11.6.1 wants a challenge on every 401. */
function refuse(): never {
  const headers = { 'WWW-Authenticate': 'Bearer realm="turnpike"' };
  const detail = 'The e-mail address or the password is not right.';
  throw new GatewayError(new Rejection('INVALID_CREDENTIAL', detail, { headers }));
}
