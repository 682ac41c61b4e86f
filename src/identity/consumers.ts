import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from '../storage/database.ts';
import { isUniqueViolation } from '../storage/database-error.ts';
import { recordChange } from './identity-changes.ts';
import { type Page, type PageRequest, readPage } from './page.ts';

export type ConsumerStatus = 'active' | 'disabled';

/** The long form of `rate_limit`; whoever stores one has validated it with the schema of the limits policy. */
export interface StoredRateLimit {
  readonly limits: readonly unknown[];
}

export interface Consumer {
  readonly id: string;
  /** Unique; what `owner` names when a key is issued. */
  readonly name: string;
  readonly tier: string | undefined;
  readonly status: ConsumerStatus;
  readonly permissions: readonly string[];
  readonly rateLimit: StoredRateLimit | undefined;
  /** Epoch milliseconds, as all times here. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewConsumer {
  readonly name: string;
  readonly tier?: string | undefined;
  readonly permissions?: readonly string[] | undefined;
  readonly rateLimit?: StoredRateLimit | undefined;
}

/** A field left out stays as it is; `null` clears it. */
export interface ConsumerPatch {
  readonly tier?: string | null | undefined;
  readonly status?: ConsumerStatus | undefined;
  readonly permissions?: readonly string[] | undefined;
  readonly rateLimit?: StoredRateLimit | null | undefined;
}

interface ConsumerRow {
  readonly id: string;
  readonly name: string;
  readonly tier: string | null;
  readonly status: ConsumerStatus;
  readonly permissions: string;
  readonly rate_limit: string | null;
  readonly created_at: number;
  readonly updated_at: number;
}

const TABLE = 'consumers';

/** The stored consumers. Every change is one transaction that also tells the other processes. */
export class Consumers {
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly announce: () => Promise<void>;

  /** `announce` runs after each change of an existing consumer and is awaited: then this process has noticed it too. */
  constructor(database: Database, clock: Clock, announce: () => Promise<void>) {
    this.database = database;
    this.clock = clock;
    this.announce = announce;
  }

  /** Throws CONFLICT when the name is taken. */
  async create(fields: NewConsumer): Promise<Consumer> {
    const row = newRow(fields, this.clock.now());
    try {
      await this.database.knex(TABLE).insert(row);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new GatewayError(new Rejection('CONFLICT', 'A consumer with this name exists.'), error);
    }
    return fromRow(row);
  }

  async list(request: PageRequest): Promise<Page<Consumer>> {
    const page = await readPage<ConsumerRow>(this.database.reader(TABLE).select('*'), TABLE, request);
    return { items: page.items.map(fromRow), nextCursor: page.nextCursor };
  }

  /** Throws NOT_FOUND. */
  async get(id: string): Promise<Consumer> {
    const row: ConsumerRow | undefined = await this.database.reader(TABLE).where({ id }).first();
    return fromRow(row ?? refuseUnknown());
  }

  /** Throws NOT_FOUND. Disabling takes effect on every process like the revocation of a key. */
  async patch(id: string, patch: ConsumerPatch): Promise<Consumer> {
    const now = this.clock.now();
    const consumer = await this.database.knex.transaction(async (trx) => {
      const rows: ConsumerRow[] = await trx(TABLE)
        .where({ id })
        .update({ ...toColumns(patch), updated_at: now })
        .returning('*');
      await recordChange(trx, { kind: 'consumer', subject: id }, now);
      return fromRow(rows[0] ?? refuseUnknown());
    });
    await this.announce();
    return consumer;
  }
}

/**
 * The consumer of this name, created when there is none. Throws CONFLICT when it is disabled, or when a tier is asked
 * for that is not the one it has: issuing a key must not change what its other keys may do.
 */
export async function ensureConsumer(trx: Knex.Transaction, fields: NewConsumer, now: number): Promise<Consumer> {
  await trx(TABLE).insert(newRow(fields, now)).onConflict('name').ignore();
  const row: ConsumerRow | undefined = await trx(TABLE).where({ name: fields.name }).first();
  const consumer = fromRow(row ?? refuseUnknown());
  if (consumer.status === 'disabled') throw conflict('The owner is disabled.');
  if (fields.tier !== undefined && fields.tier !== consumer.tier) {
    throw conflict(`The owner exists with ${consumer.tier ? `tier ${consumer.tier}` : 'no tier'}; change it there.`);
  }
  return consumer;
}

function newRow(fields: NewConsumer, now: number): ConsumerRow {
  return {
    id: `con_${randomUUID().replaceAll('-', '')}`,
    name: fields.name,
    tier: fields.tier ?? null,
    status: 'active',
    permissions: JSON.stringify(fields.permissions ?? ['*']),
    rate_limit: fields.rateLimit ? JSON.stringify(fields.rateLimit) : null,
    created_at: now,
    updated_at: now,
  };
}

function toColumns(patch: ConsumerPatch): Partial<ConsumerRow> {
  return {
    ...(patch.tier === undefined ? {} : { tier: patch.tier }),
    ...(patch.status === undefined ? {} : { status: patch.status }),
    ...(patch.permissions === undefined ? {} : { permissions: JSON.stringify(patch.permissions) }),
    ...(patch.rateLimit === undefined
      ? {}
      : { rate_limit: patch.rateLimit === null ? null : JSON.stringify(patch.rateLimit) }),
  };
}

function fromRow(row: ConsumerRow): Consumer {
  return {
    id: row.id,
    name: row.name,
    tier: row.tier ?? undefined,
    status: row.status,
    permissions: JSON.parse(row.permissions) as string[],
    rateLimit: row.rate_limit === null ? undefined : (JSON.parse(row.rate_limit) as StoredRateLimit),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function conflict(detail: string): GatewayError {
  return new GatewayError(new Rejection('CONFLICT', detail));
}

function refuseUnknown(): never {
  throw new GatewayError(new Rejection('NOT_FOUND', 'No consumer has this id.'));
}
