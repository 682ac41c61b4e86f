import { GatewayError, Rejection } from '../../errors/rejection.ts';
import { BoundedWork } from '../../lib/bounded-work.ts';
import { PasswordThreads } from './password-threads.ts';
import type { PasswordAnswer, PasswordQuestion } from './password-work.ts';

export const SHORTEST_PASSWORD = 8;
export const LONGEST_PASSWORD = 128;
const NEW_PASSWORD = new RegExp(`^.{${SHORTEST_PASSWORD},${LONGEST_PASSWORD}}$`, 'su');
/** Bytes that are looked at when somebody logs in: imported passwords may have more characters than new ones. */
export const MOST_PASSWORD_BYTES = 1024;

/** Two threads: further ones would wait for a core like the work itself. */
const BOUNDS = { running: 2, waiting: 128, waitMs: 5000 };
const RETRY_SECONDS = 1;

/** A hash that no password has: it is verified where there is no account, so that the answer takes as long. */
const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

/**
 * Hashes and verifies passwords on threads that give way to requests, two at a time. Throws GatewayError OVERLOADED when too many wait
 * already, or after 5 s of waiting.
 */
export class Passwords {
  private readonly work = new BoundedWork(BOUNDS);
  private readonly threads = new PasswordThreads();

  async hash(password: string): Promise<string> {
    const answer = await this.work.run(() => this.ask({ kind: 'hash', password }));
    return answer && 'hash' in answer ? answer.hash : refuseForNow();
  }

  /**
   * What `check` says once it is this password's turn, or whether the password is the hash's. Without a hash the same
   * work is done, and the answer is false.
   */
  async verify(password: string, hash: string | undefined, check: () => void): Promise<boolean> {
    const answer = await this.work.run(async () => {
      check();
      return this.ask({ kind: 'match', password, hash: hash ?? NOBODYS_HASH });
    });
    return answer && 'matches' in answer ? answer.matches && hash !== undefined : refuseForNow();
  }

  private async ask(question: PasswordQuestion): Promise<PasswordAnswer> {
    const answer = await this.threads.ask(question);
    if ('failure' in answer) throw new Error(`a password could not be hashed: ${answer.failure}`);
    return answer;
  }
}

/** Throws VALIDATION_ERROR for what may not become a password. Counted are characters, not bytes. */
export function checkNewPassword(password: string): void {
  if (!NEW_PASSWORD.test(password)) refusePassword(`must have ${SHORTEST_PASSWORD} to ${LONGEST_PASSWORD} characters`);
  // Halves of characters all become the same replacement when they are encoded.
  if (!password.isWellFormed()) refusePassword('holds half a character');
}

/** Throws VALIDATION_ERROR if the password is too long to be hashed. */
export function checkPresentedPassword(password: string): void {
  if (Buffer.byteLength(password) > MOST_PASSWORD_BYTES)
    refusePassword(`must have at most ${MOST_PASSWORD_BYTES} bytes`);
  if (!password.isWellFormed()) refusePassword('holds half a character');
}

function refusePassword(mistake: string): never {
  const facts = { param: 'password' };
  throw new GatewayError(new Rejection('VALIDATION_ERROR', `password: ${mistake}`, { facts }));
}

function refuseForNow(): never {
  const detail = 'Too many passwords wait to be checked. Retry shortly.';
  throw new GatewayError(new Rejection('OVERLOADED', detail, { facts: { retryAfterSeconds: RETRY_SECONDS } }));
}
