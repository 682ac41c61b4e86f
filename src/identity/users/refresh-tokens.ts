import { hash, randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../../errors/rejection.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Database } from '../../storage/database.ts';
import type { AuditContext } from '../audit/audit-context.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { ConsumerStatus } from '../consumers.ts';
import type { FailedAuth } from '../failed-auth.ts';
import { recordRevocation } from '../tokens/revocations.ts';
import type { Tokens } from '../tokens/tokens.ts';
import { closeFamilies, FAMILIES } from './refresh-families.ts';
import { refuseWhile } from './throttled.ts';

/** What a login or a refresh gives. */
export interface TokenPair {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  /** Good for one use; it exists nowhere else. */
  readonly refreshToken: string;
}

/** The owner of the login. */
interface Holder {
  readonly id: string;
  readonly tier?: string | undefined;
}

interface EndedToken {
  readonly jti: string;
  readonly family: string | undefined;
  /** Epoch milliseconds. */
  readonly until: number;
}

interface SessionsOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Signs the access tokens, and says how long a refresh token lives. */
  readonly tokens: Pick<Tokens, 'issuer' | 'refreshTtl'>;
  readonly failedAuth: FailedAuth;
  /** Runs after each revocation and is awaited: then this process has noticed it too. */
  readonly announce: () => Promise<void>;
}

/** A token's row with the fields of its family and its owner. */
interface PresentedRow {
  readonly hash: string;
  readonly family: string;
  readonly consumer_id: string;
  readonly tier: string | null;
  readonly status: ConsumerStatus;
}

const TOKENS = 'refresh_tokens';
const TOKEN_PREFIX = 'rt_';
const TOKEN_BYTES = 32;

/**
 * Logins that go on: each refresh token is used once and puts its successor in place. A token that comes again has been
 * in two hands, so its whole family ends, access tokens included (RFC 9700 section 4.14.2): also when it was only a
 * client that did not get the answer, because nobody can tell. Throws GatewayError INVALID_CREDENTIAL,
 * EXPIRED_CREDENTIAL or REVOKED_CREDENTIAL, RATE_LIMIT_EXCEEDED after too many failures; errors of the store pass through.
 */
export class Sessions {
  private readonly options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.options = options;
  }

  /** Begins a family: to be called once the password has been found right. */
  async begin(holder: Holder): Promise<TokenPair> {
    const { database, clock, tokens } = this.options;
    const family = `fam_${randomBytes(16).toString('hex')}`;
    const access = await tokens.issuer.issueAccess({ consumer: holder, family });
    const now = clock.now();
    const next = makeToken();
    await database.knex.transaction(async (trx) => {
      await trx(FAMILIES).insert({
        id: family,
        consumer_id: holder.id,
        created_at: now,
        expires_at: now + tokens.refreshTtl,
        access_expires_at: now + access.expiresInSeconds * 1000,
        revoked_at: null,
      });
      await trx(TOKENS).insert({ hash: next.hash, family, created_at: now, used_at: null });
    });
    return { accessToken: access.token, expiresInSeconds: access.expiresInSeconds, refreshToken: next.text };
  }

  /** Of any number of uses of one token at the same moment one succeeds, and the family ends with the next. */
  async refresh(presented: string, by: Omit<AuditContext, 'actor'>): Promise<TokenPair> {
    const { database, clock, tokens } = this.options;
    const found = (await this.find(presented, by.address ?? '')) ?? this.refuseUnknown(by.address ?? '');
    const { status, consumer_id: id, tier } = found;
    if (status === 'disabled') return refuseEnded();
    // Checked first, because a token that is rotated without an answer is lost.
    const access = await tokens.issuer.issueAccess({ consumer: { id, tier: tier ?? undefined }, family: found.family });
    const next = makeToken();
    const isRotated = await database.knex.transaction(async (trx) => {
      const accessEnd = clock.now() + access.expiresInSeconds * 1000;
      if (await this.rotate(trx, found, next.hash, accessEnd)) return true;
      await this.burn(trx, found.family, { ...by, actor: id });
      return false;
    });
    if (isRotated)
      return { accessToken: access.token, expiresInSeconds: access.expiresInSeconds, refreshToken: next.text };
    await this.options.announce();
    return refuseEnded();
  }

  /** Revokes one access token and ends the login it belongs to, with all its other tokens. `until`: when it expires. */
  async end({ jti, family, until }: EndedToken): Promise<void> {
    const { database, clock, announce } = this.options;
    const now = clock.now();
    await database.knex.transaction(async (trx) => {
      await recordRevocation(trx, { jti, until }, now);
      if (family !== undefined) await endFamily(trx, family, now);
    });
    await announce();
  }

  private find(presented: string, address: string): Promise<PresentedRow | undefined> {
    const { database, failedAuth } = this.options;
    return failedAuth.runThrottled(address, () => findToken(database.reader, hashToken(presented)));
  }

  private refuseUnknown(address: string): never {
    refuseWhile(this.options.failedAuth.recordFailure(address, 'refresh') ?? 0, 'failed credentials');
    return refuse('INVALID_CREDENTIAL', 'The refresh token is not valid.');
  }

  /** False when the token has been used. Throws when its family has ended: then nothing is left to be revoked. */
  private async rotate(
    trx: Knex.Transaction,
    { hash: old, family }: PresentedRow,
    next: string,
    accessExpiresAt: number,
  ): Promise<boolean> {
    const now = this.options.clock.now();
    // A change of a family locks its row first; otherwise a token could be added while the family is being revoked.
    const open: unknown = await trx(FAMILIES).where({ id: family, revoked_at: null }).forUpdate().first();
    if (!open) return refuseEnded();
    const used = await trx(TOKENS).where({ hash: old, used_at: null }).update({ used_at: now });
    if (used === 0) return false;
    const live = await trx(FAMILIES)
      .where({ id: family })
      .where('expires_at', '>', now)
      .update({ expires_at: now + this.options.tokens.refreshTtl, access_expires_at: accessExpiresAt });
    if (live === 0) return refuse('EXPIRED_CREDENTIAL', 'The refresh token has expired. Log in again.');
    await trx(TOKENS).insert({ hash: next, family, created_at: now, used_at: null });
    return true;
  }

  private async burn(trx: Knex.Transaction, family: string, by: AuditContext): Promise<void> {
    const now = this.options.clock.now();
    await endFamily(trx, family, now);
    await recordAudit(trx, by, { action: 'session.burn', subject: family, after: { reason: 'reuse' } }, now);
  }
}

/** Ends a login and refuses the access tokens it gave out. */
async function endFamily(trx: Knex.Transaction, family: string, now: number): Promise<void> {
  for (const until of await closeFamilies(trx, { id: family }, now))
    await recordRevocation(trx, { family, until }, now);
}

function findToken(knex: Knex, tokenHash: string): Promise<PresentedRow | undefined> {
  return knex(TOKENS)
    .join(FAMILIES, `${FAMILIES}.id`, `${TOKENS}.family`)
    .join('consumers', 'consumers.id', `${FAMILIES}.consumer_id`)
    .select(`${TOKENS}.*`, `${FAMILIES}.consumer_id`, 'consumers.tier', 'consumers.status')
    .where(`${TOKENS}.hash`, tokenHash)
    .first();
}

function makeToken(): { readonly text: string; readonly hash: string } {
  const text = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
  return { text, hash: hashToken(text) };
}

function hashToken(text: string): string {
  return hash('sha256', text, 'hex');
}

function refuseEnded(): never {
  return refuse('REVOKED_CREDENTIAL', 'The refresh token has been used before or its login has ended. Log in again.');
}

function refuse(code: 'INVALID_CREDENTIAL' | 'EXPIRED_CREDENTIAL' | 'REVOKED_CREDENTIAL', detail: string): never {
  const headers = { 'WWW-Authenticate': 'Bearer realm="turnpike", error="invalid_token"' };
  throw new GatewayError(new Rejection(code, detail, { headers }));
}
