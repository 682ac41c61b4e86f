import type { Knex } from 'knex';
import type { ConsumerStatus } from '../consumers.ts';
import { type NameOwner, ownsName } from '../name-owner.ts';
import { REVOCATIONS } from './revocations.ts';
import type { VerifiedToken } from './verify-token.ts';

/** The needed fields of the consumer that one of our tokens names. */
export interface ConsumerStanding {
  readonly id: string;
  readonly name: string;
  readonly tier: string | null;
  readonly status: ConsumerStatus;
  readonly permissions: string;
  readonly models: string | null;
  readonly rate_limit: string | null;
  readonly budget: string | null;
}

/** The state of a genuine token in the database. */
export interface TokenStanding {
  /** `undefined` for foreign tokens, and for subjects that are not stored. */
  readonly consumer: ConsumerStanding | undefined;
  readonly isRevoked: boolean;
  /** What a later change of may change this: names as the feed of changes has them. */
  readonly dependsOn: readonly string[];
}

/** The consumer of a foreign token: it can never be one of ours. */
export function foreignConsumerId(alias: string, subject: string): string {
  return `${alias}:${subject}`;
}

/** Two indexed reads at most. */
export async function readStanding(reader: Knex, token: VerifiedToken, now: number): Promise<TokenStanding> {
  const consumer = token.issuer ? undefined : await findConsumer(reader, token.subject);
  const dependsOn = namesOf(token, consumer?.id);
  const rows: { kind: string; subject: string; revoked_at: number }[] = await reader(REVOCATIONS)
    .select('kind', 'subject', 'revoked_at')
    .whereIn(
      'subject',
      dependsOn.map((name) => name.slice(name.indexOf(':') + 1)),
    )
    .andWhere('expires_at', '>', now);
  const isRevoked = rows.some(
    ({ kind, subject, revoked_at }) =>
      dependsOn.includes(`${kind}:${subject}`) && (kind !== 'consumer' || token.issuedAt <= revoked_at),
  );
  return { consumer, isRevoked, dependsOn };
}

/**
 * By id, else by name, which programs that share the secret may write. An account that chose its address itself is found
 * by id only.
 */
async function findConsumer(reader: Knex, subject: string): Promise<ConsumerStanding | undefined> {
  const rows: (ConsumerStanding & NameOwner)[] = await reader('consumers')
    .leftJoin('users', 'users.id', 'consumers.id')
    .select(STANDING_COLUMNS)
    .where('consumers.id', subject)
    .orWhere('consumers.name', subject);
  return rows.find(({ id }) => id === subject) ?? rows.find(ownsName);
}

const STANDING_COLUMNS = [
  ...['id', 'name', 'tier', 'status', 'permissions', 'models', 'rate_limit', 'budget'].map(
    (name) => `consumers.${name}`,
  ),
  'users.vouched_by',
];

function namesOf({ jti, family, subject, issuer }: VerifiedToken, consumerId: string | undefined): string[] {
  const own = issuer ? foreignConsumerId(issuer.alias, subject) : subject;
  const consumers = [...new Set([own, consumerId ?? own])].map((id) => `consumer:${id}`);
  const jtis = jti === undefined ? [] : [`jti:${jti}`];
  const families = family === undefined ? [] : [`family:${family}`];
  return [...consumers, ...jtis, ...families];
}
