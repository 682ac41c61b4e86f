import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { Clock } from '../../lib/clock.ts';
import type { Database } from '../../storage/database.ts';
import type { AuditContext } from '../audit/audit-context.ts';
import { type AuditedChange, recordAudit } from '../audit/record-audit.ts';
import { recordChange } from '../identity-changes.ts';
import { LONGEST_LIFE_MS } from './token-claims.ts';
import { closeFamilies } from '../users/refresh-families.ts';

/** The tokens to refuse from now on: one, all of one login, or all that a consumer has received so far. */
export type RevokedSubject =
  | { readonly jti: string; readonly family?: undefined; readonly consumer?: undefined }
  | { readonly family: string; readonly jti?: undefined; readonly consumer?: undefined }
  | { readonly consumer: string; readonly jti?: undefined; readonly family?: undefined };

export type Revocation = RevokedSubject & {
  /** Epoch milliseconds after which nothing it refuses can be valid any more: it is then forgotten. */
  readonly until: number;
};

type RevocationKind = 'jti' | 'family' | 'consumer';

export const REVOCATIONS = 'token_revocations';

/**
 * The tokens that are refused before they expire. A revocation is one transaction that also tells the other processes,
 * so an acknowledged one survives a kill and is in force everywhere within 2 s.
 */
export class Revocations {
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly announce: () => Promise<void>;

  /** `announce` runs after each revocation and is awaited: then this process has noticed it too. */
  constructor(database: Database, clock: Clock, announce: () => Promise<void>) {
    this.database = database;
    this.clock = clock;
    this.announce = announce;
  }

  /** Of a family and of a consumer the refresh tokens end too. `by` is put on record; left out for what is no administration, such as a logout. */
  async revoke(revocation: Revocation, by?: AuditContext): Promise<void> {
    const now = this.clock.now();
    await this.database.knex.transaction(async (trx) => {
      await recordRevocation(trx, revocation, now);
      await endLogins(trx, revocation, now);
      if (by) await recordAudit(trx, by, auditedChange(revocation), now);
    });
    await this.announce();
  }
}

/** The same within a larger transaction; the caller that commits it announces it. */
export async function recordRevocation(trx: Knex.Transaction, revocation: Revocation, now: number): Promise<void> {
  const [kind, subject] = subjectOf(revocation);
  await trx(REVOCATIONS).insert({
    id: randomUUID(),
    kind,
    subject,
    revoked_at: now,
    expires_at: revocation.until,
  });
  await recordChange(trx, { kind: 'token', subject: `${kind}:${subject}` }, now);
}

/** Refuses every token that the consumer has been given so far, for as long as any of them can be valid. */
export function revokeConsumer(trx: Knex.Transaction, consumer: string, now: number): Promise<void> {
  return recordRevocation(trx, { consumer, until: now + LONGEST_LIFE_MS }, now);
}

/** Deletes what has no effect any more. */
export async function pruneRevocations(knex: Knex, now: number): Promise<void> {
  await knex(REVOCATIONS).where('expires_at', '<', now).del();
}

/** Else a refresh token would soon give another access token. */
async function endLogins(trx: Knex.Transaction, { family, consumer }: Revocation, now: number): Promise<void> {
  if (family !== undefined) await closeFamilies(trx, { id: family }, now);
  if (consumer !== undefined) await closeFamilies(trx, { consumer_id: consumer }, now);
}

function auditedChange(revocation: Revocation): AuditedChange {
  const after = { expires_at: revocation.until };
  return { action: 'token.revoke', subject: subjectOf(revocation).join(':'), after };
}

function subjectOf({ jti, family, consumer }: RevokedSubject): readonly [RevocationKind, string] {
  if (jti !== undefined) return ['jti', jti];
  return family === undefined ? ['consumer', consumer as string] : ['family', family];
}
