import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from '../storage/database.ts';
import { isUniqueViolation } from '../storage/database-error.ts';
import type { AuditContext } from './audit/audit-context.ts';
import { type AuditFields, recordAudit } from './audit/record-audit.ts';
import { findConsumer, findUsageConsumer, refuseUnknownConsumer, refuseUnverified } from './find-consumer.ts';
import { recordChange } from './identity-changes.ts';
import { formatJson, parseJson } from './json-column.ts';
import { isStoredId } from './name-owner.ts';
import { type Page, type PageRequest, readPage } from './page.ts';
import { revokeConsumer } from './tokens/revocations.ts';
import { closeFamilies } from './users/refresh-families.ts';

export type ConsumerStatus = 'active' | 'disabled';

/** The long form of `rate_limit`; the caller that stores one has validated it with the schema of the limits policy. */
export interface StoredRateLimit {
  readonly limits: readonly unknown[];
}

/** The list form of `budget`, validated likewise. */
export type StoredBudget = readonly unknown[];

/** The limits written on a consumer or key, under the names of the configuration. */
export interface StoredLimits {
  readonly rate_limit?: StoredRateLimit | undefined;
  readonly budget?: StoredBudget | undefined;
}

export interface Consumer {
  readonly id: string;
  /** Unique; what `owner` names when a key is issued. */
  readonly name: string;
  readonly tier: string | undefined;
  readonly status: ConsumerStatus;
  readonly permissions: readonly string[];
  /** `undefined`: not narrowed. */
  readonly models: readonly string[] | undefined;
  readonly rateLimit: StoredRateLimit | undefined;
  readonly budget: StoredBudget | undefined;
  /** Epoch milliseconds, as all times here. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewConsumer {
  readonly name: string;
  readonly tier?: string | undefined;
  /** Everything unless given. */
  readonly permissions?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly rateLimit?: StoredRateLimit | undefined;
  readonly budget?: StoredBudget | undefined;
}

/** A field left out stays as it is; `null` clears it. */
export interface ConsumerPatch {
  readonly tier?: string | null | undefined;
  readonly status?: ConsumerStatus | undefined;
  readonly permissions?: readonly string[] | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly rateLimit?: StoredRateLimit | null | undefined;
  readonly budget?: StoredBudget | null | undefined;
}

interface ConsumerRow {
  readonly id: string;
  readonly name: string;
  readonly tier: string | null;
  readonly status: ConsumerStatus;
  readonly permissions: string;
  readonly models: string | null;
  readonly rate_limit: string | null;
  readonly budget: string | null;
  readonly created_at: number;
  readonly updated_at: number;
}

const TABLE = 'consumers';

/** The stored consumers. Every change is one transaction that also notifies other processes and is audited. */
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
  async create(fields: NewConsumer, context: AuditContext): Promise<Consumer> {
    refuseIdAsName(fields.name);
    const row = newRow(fields, this.clock.now());
    try {
      await this.database.knex.transaction(async (trx) => {
        await trx(TABLE).insert(row);
        await recordCreation(trx, row, context);
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new GatewayError(new Rejection('CONFLICT', 'A consumer with this name exists.'), error);
    }
    return fromRow(row);
  }

  /** `name` narrows to the one that has exactly this name. */
  async list(request: PageRequest & { readonly name?: string | undefined }): Promise<Page<Consumer>> {
    const query = this.database.reader(TABLE).select('*');
    if (request.name !== undefined) void query.where({ name: request.name });
    const page = await readPage<ConsumerRow>(query, TABLE, request);
    return { items: page.items.map(fromRow), nextCursor: page.nextCursor };
  }

  /** The id of the consumer of this id or name. Throws NOT_FOUND. */
  async idOf(word: string): Promise<string> {
    return (await findConsumer(this.database.reader, word)).id;
  }

  /** The same for a change that may widen rights: CONFLICT for an address that nobody has verified. */
  async verifiedIdOf(word: string): Promise<string> {
    const found = await findConsumer(this.database.reader, word);
    if (found.id !== word) await refuseUnverified(this.database.reader, found);
    return found.id;
  }

  /** What usage is recorded under; `inFile` are the consumers of the configuration. Throws NOT_FOUND and CONFLICT. */
  usageIdOf(word: string, inFile: readonly { readonly id: string; readonly name: string }[]): Promise<string> {
    return findUsageConsumer(this.database.reader, word, inFile);
  }

  /** Throws NOT_FOUND. */
  async get(id: string): Promise<Consumer> {
    const row: ConsumerRow | undefined = await this.database.reader(TABLE).where({ id }).first();
    return fromRow(row ?? refuseUnknownConsumer());
  }

  /**
   * Whether a token may name this subject: an id or name of a consumer, or a name nobody has. Throws CONFLICT for an
   * address that nobody has verified, NOT_FOUND for an id that nobody has.
   */
  async checkSubject(subject: string): Promise<void> {
    const { reader } = this.database;
    const rows: Pick<ConsumerRow, 'id' | 'name'>[] = await reader(TABLE)
      .select('id', 'name')
      .where('id', subject)
      .orWhere('name', subject);
    if (rows.some(({ id }) => id === subject)) return;
    if (isStoredId(subject)) refuseUnknownConsumer();
    for (const row of rows) await refuseUnverified(reader, row);
  }

  /** Throws NOT_FOUND. Disabling takes effect on every process like the revocation of a key, and ends all logins. */
  async patch(id: string, patch: ConsumerPatch, context: AuditContext): Promise<Consumer> {
    const now = this.clock.now();
    const consumer = await this.database.knex.transaction(async (trx) => {
      // Locked, so that the audit log records the state that this change found.
      const before: ConsumerRow = (await trx(TABLE).where({ id }).forUpdate().first()) ?? refuseUnknownConsumer();
      const after: ConsumerRow = { ...before, ...toColumns(patch), updated_at: now };
      await trx(TABLE).where({ id }).update(after);
      if (after.status === 'disabled' && before.status !== 'disabled') await endAccess(trx, id, now);
      await recordChange(trx, { kind: 'consumer', subject: id }, now);
      const change = { before: auditedConsumer(before), after: auditedConsumer(after) };
      await recordAudit(trx, context, { action: 'consumer.update', subject: id, ...change }, now);
      return fromRow(after);
    });
    await this.announce();
    return consumer;
  }
}

/**
 * The consumer of this id or else of this name, created when there is none. Throws CONFLICT when it is disabled, when the
 * name is an address that nobody has verified, or when a tier is asked for that is not the one it has: issuing a key must
 * not change what its other keys may do. NOT_FOUND for an id that nobody has.
 */
export async function ensureConsumer(
  trx: Knex.Transaction,
  fields: NewConsumer,
  context: AuditContext,
  now: number,
): Promise<Consumer> {
  const byId: ConsumerRow | undefined = await trx(TABLE).where({ id: fields.name }).first();
  const consumer = fromRow(byId ?? (await ensureByName(trx, fields, context, now)));
  if (consumer.status === 'disabled') throw conflict('The owner is disabled.');
  if (fields.tier !== undefined && fields.tier !== consumer.tier) {
    throw conflict(`The owner exists with ${consumer.tier ? `tier ${consumer.tier}` : 'no tier'}; change it there.`);
  }
  return consumer;
}

async function ensureByName(
  trx: Knex.Transaction,
  fields: NewConsumer,
  context: AuditContext,
  now: number,
): Promise<ConsumerRow> {
  if (isStoredId(fields.name)) return refuseUnknownConsumer();
  const made = newRow(fields, now);
  await trx(TABLE).insert(made).onConflict('name').ignore();
  const row: ConsumerRow = (await trx(TABLE).where({ name: fields.name }).first()) ?? refuseUnknownConsumer();
  if (row.id === made.id) await recordCreation(trx, made, context);
  else await refuseUnverified(trx, row);
  return row;
}

/**
 * A consumer whose id begins with the prefix, within a greater change that puts it on record. When the name is taken
 * the store's own error passes through.
 */
export async function insertConsumer(
  trx: Knex.Transaction,
  fields: NewConsumer,
  now: number,
  idPrefix: string,
): Promise<Consumer> {
  const row = newRow(fields, now, idPrefix);
  await trx(TABLE).insert(row);
  return fromRow(row);
}

/** Refresh tokens end, and access tokens stay refused when the consumer is active again: the user must log in again. */
async function endAccess(trx: Knex.Transaction, id: string, now: number): Promise<void> {
  await closeFamilies(trx, { consumer_id: id }, now);
  await revokeConsumer(trx, id, now);
}

async function recordCreation(trx: Knex.Transaction, row: ConsumerRow, context: AuditContext): Promise<void> {
  const change = { action: 'consumer.create', subject: row.id, after: auditedConsumer(row) };
  await recordAudit(trx, context, change, row.created_at);
  // Tokens may have come in this name before there was a consumer that has it.
  await recordChange(trx, { kind: 'consumer', subject: row.name }, row.created_at);
}

function auditedConsumer(row: ConsumerRow): AuditFields {
  const { name, tier, status, permissions, models, rateLimit, budget } = fromRow(row);
  return { name, tier, status, permissions, models, rate_limit: rateLimit, budget };
}

function newRow(fields: NewConsumer, now: number, idPrefix = 'con'): ConsumerRow {
  return {
    id: `${idPrefix}_${randomUUID().replaceAll('-', '')}`,
    name: fields.name,
    tier: fields.tier ?? null,
    status: 'active',
    permissions: JSON.stringify(fields.permissions ?? ['*']),
    models: formatJson(fields.models),
    rate_limit: fields.rateLimit ? JSON.stringify(fields.rateLimit) : null,
    budget: formatJson(fields.budget),
    created_at: now,
    updated_at: now,
  };
}

function toColumns(patch: ConsumerPatch): Partial<ConsumerRow> {
  return {
    ...(patch.tier === undefined ? {} : { tier: patch.tier }),
    ...(patch.status === undefined ? {} : { status: patch.status }),
    ...(patch.permissions === undefined ? {} : { permissions: JSON.stringify(patch.permissions) }),
    ...(patch.models === undefined ? {} : { models: formatJson(patch.models) }),
    ...(patch.rateLimit === undefined ? {} : { rate_limit: formatJson(patch.rateLimit) }),
    ...(patch.budget === undefined ? {} : { budget: formatJson(patch.budget) }),
  };
}

function fromRow(row: ConsumerRow): Consumer {
  return {
    id: row.id,
    name: row.name,
    tier: row.tier ?? undefined,
    status: row.status,
    permissions: JSON.parse(row.permissions) as string[],
    models: parseJson(row.models),
    rateLimit: parseJson<StoredRateLimit>(row.rate_limit),
    budget: parseJson<StoredBudget>(row.budget),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function refuseIdAsName(name: string): void {
  if (!isStoredId(name)) return;
  const facts = { param: 'name' };
  throw new GatewayError(new Rejection('VALIDATION_ERROR', 'name: con_ and usr_ begin ids, not names', { facts }));
}

function conflict(detail: string): GatewayError {
  return new GatewayError(new Rejection('CONFLICT', detail));
}
