import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from '../storage/database.ts';
import { generateApiKey, hashApiKey, type KeyEnvironment } from './api-key-format.ts';
import {
  type ApiKey,
  type ApiKeyRow,
  auditedKey,
  OWNED_KEY_COLUMNS,
  type OwnedKeyRow,
  toApiKey,
} from './api-key-row.ts';
import type { AuditContext } from './audit/audit-context.ts';
import { recordAudit } from './audit/record-audit.ts';
import { ensureConsumer, type StoredBudget, type StoredRateLimit } from './consumers.ts';
import { findKeyId, refuseUnknownKey } from './find-key.ts';
import { recordChange } from './identity-changes.ts';
import { formatJson } from './json-column.ts';
import { boundColumns, changedBounds, type KeyBounds, type KeyBoundsPatch } from './key-bounds.ts';
import { refuseTooMany } from './most-working.ts';
import { type Page, type PageRequest, readPage } from './page.ts';

export interface NewApiKey extends KeyBounds {
  /** Id of a consumer, or else its name; one of the name is created when there is none. */
  readonly owner: string;
  readonly tier?: string | undefined;
  readonly name?: string | undefined;
  readonly env?: KeyEnvironment | undefined;
  /** Epoch milliseconds. */
  readonly expiresAt?: number | undefined;
  readonly rateLimit?: StoredRateLimit | undefined;
  readonly budget?: StoredBudget | undefined;
  /** Made by its owner; else an administrator manages it. */
  readonly isOwn?: boolean | undefined;
  /** The owner may rotate and revoke it although it is managed. */
  readonly selfService?: boolean | undefined;
  /** CONFLICT when the owner has so many working keys already; no bound unless given. */
  readonly mostWorking?: number | undefined;
}

/** A field left out stays as it is; `null` clears it. */
export interface ApiKeyPatch extends KeyBoundsPatch {
  readonly name?: string | null | undefined;
  readonly selfService?: boolean | undefined;
  readonly expiresAt?: number | null | undefined;
  readonly rateLimit?: StoredRateLimit | null | undefined;
  readonly budget?: StoredBudget | null | undefined;
}

export interface IssuedApiKey {
  /** The key itself: it exists nowhere else and cannot be shown again. */
  readonly apiKey: string;
  readonly key: ApiKey;
}

interface ApiKeysOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Runs after each change of an existing key and is awaited: then this process has noticed it too. */
  readonly announce: () => Promise<void>;
}

const TABLE = 'api_keys';

/**
 * The issued keys. Every change is one transaction that also notifies other processes and is audited, so an
 * acknowledged change survives a kill and is in force everywhere within 2 s. Throws GatewayError NOT_FOUND, CONFLICT or VALIDATION_ERROR;
 * errors of the store pass through.
 */
export class ApiKeys {
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly announce: () => Promise<void>;

  constructor(options: ApiKeysOptions) {
    this.database = options.database;
    this.clock = options.clock;
    this.announce = options.announce;
  }

  async issue(fields: NewApiKey, context: AuditContext): Promise<IssuedApiKey> {
    const now = this.clock.now();
    return this.database.knex.transaction(async (trx) => {
      const owner = { name: fields.owner, tier: fields.tier };
      const { id, name, tier } = await ensureConsumer(trx, owner, context, now);
      if (fields.mostWorking !== undefined) await refuseTooMany(trx, id, fields.mostWorking, now);
      const made = makeKey(id, fields, now);
      await insertKey(trx, made.row, context, now);
      const row = { ...made.row, owner_name: name, owner_tier: tier ?? null };
      return { apiKey: made.text, key: toApiKey(row, now) };
    });
  }

  /** Newest first; `consumerId` narrows to one owner. */
  async list(request: PageRequest & { readonly consumerId?: string | undefined }): Promise<Page<ApiKey>> {
    const query = selectOwned(this.database.reader);
    if (request.consumerId !== undefined) void query.where('api_keys.consumer_id', request.consumerId);
    const page = await readPage<OwnedKeyRow>(query, TABLE, request);
    const now = this.clock.now();
    return { items: page.items.map((row) => toApiKey(row, now)), nextCursor: page.nextCursor };
  }

  /** The id of the key of this id, prefix or name. */
  idOf(word: string): Promise<string> {
    return findKeyId(this.database.reader, word, this.clock.now());
  }

  async get(id: string): Promise<ApiKey> {
    const row: OwnedKeyRow | undefined = await selectOwned(this.database.reader).where('api_keys.id', id).first();
    return toApiKey(row ?? refuseUnknownKey(), this.clock.now());
  }

  /** A revoked key cannot be changed: CONFLICT. */
  patch(id: string, patch: ApiKeyPatch, context: AuditContext): Promise<ApiKey> {
    return this.change(id, { action: 'key.update', context }, async (trx) => {
      const changed: ApiKeyRow[] = await trx(TABLE)
        .where({ id, revoked_at: null })
        .update(toColumns(id, patch))
        .returning('*');
      return changed[0] ?? refuseSettled(trx, id);
    });
  }

  /** Revoking a revoked key changes nothing and succeeds. */
  revoke(id: string, context: AuditContext): Promise<ApiKey> {
    return this.change(id, { action: 'key.revoke', context }, async (trx, now) => {
      await trx(TABLE).where({ id, revoked_at: null }).update({ revoked_at: now });
    });
  }

  /**
   * Issues a key that takes the old one's place with all its properties. The old one works for `graceMs` more (0: not at
   * all), unless the owner would then have more than `mostWorking` keys (CONFLICT). CONFLICT when it has been revoked, has expired or has been rotated before: of two rotations one wins.
   */
  async rotate(id: string, graceMs: number, context: AuditContext, mostWorking?: number): Promise<IssuedApiKey> {
    let text = '';
    const key = await this.change(id, { action: 'key.rotate', context }, async (trx, now) => {
      const old = await this.takeForRotation(trx, id, now);
      const made = makeSuccessor(old, now);
      text = made.text;
      if (mostWorking !== undefined && graceMs > 0) await refuseTooMany(trx, old.consumer_id, mostWorking, now);
      await insertKey(trx, made.row, context, now);
      const end = now + graceMs;
      const expiry = old.expires_at === null ? end : Math.min(old.expires_at, end);
      const ending = graceMs > 0 ? { expires_at: expiry } : { revoked_at: now };
      await trx(TABLE)
        .where({ id })
        .update({ ...ending, replaced_by: made.row.id });
      return made.row;
    });
    return { apiKey: text, key };
  }

  private async takeForRotation(trx: Knex.Transaction, id: string, now: number): Promise<ApiKeyRow> {
    // The update locks the row, so a second rotation waits here and then finds nothing.
    const rows: ApiKeyRow[] = await trx(TABLE)
      .where({ id, revoked_at: null, replaced_by: null })
      .where((open) => void open.whereNull('expires_at').orWhere('expires_at', '>', now))
      .update({ replaced_by: '' })
      .returning('*');
    return rows[0] ?? refuseSettled(trx, id);
  }

  /** Runs the change, records it for the key, announces it, and returns the row that `work` names or the key's own. */
  private async change(
    id: string,
    { action, context }: { readonly action: string; readonly context: AuditContext },
    work: (trx: Knex.Transaction, now: number) => Promise<ApiKeyRow | void>,
  ): Promise<ApiKey> {
    const now = this.clock.now();
    const row = await this.database.knex.transaction(async (trx) => {
      // Locked, so that the audit log records the state that this change found.
      const before: ApiKeyRow = (await trx(TABLE).where({ id }).forUpdate().first()) ?? refuseUnknownKey();
      const result = await work(trx, now);
      const after: ApiKeyRow = await trx(TABLE).where({ id }).first();
      await recordChange(trx, { kind: 'key', subject: before.hash }, now);
      const change = { action, subject: id, before: auditedKey(before), after: auditedKey(after) };
      await recordAudit(trx, context, change, now);
      const shown: OwnedKeyRow | undefined = await selectOwned(trx)
        .where('api_keys.id', result?.id ?? id)
        .first();
      return shown ?? refuseUnknownKey();
    });
    await this.announce();
    return toApiKey(row, now);
  }
}

async function insertKey(trx: Knex.Transaction, row: ApiKeyRow, context: AuditContext, now: number): Promise<void> {
  await trx(TABLE).insert(row);
  // A process may have learnt before that this key does not exist.
  await recordChange(trx, { kind: 'key', subject: row.hash }, now);
  await recordAudit(trx, context, { action: 'key.issue', subject: row.id, after: auditedKey(row) }, now);
}

function selectOwned(knex: Knex): Knex.QueryBuilder {
  return knex(TABLE).join('consumers', 'consumers.id', 'api_keys.consumer_id').select(OWNED_KEY_COLUMNS);
}

function makeKey(consumerId: string, fields: NewApiKey, now: number): { text: string; row: ApiKeyRow } {
  const { text, id, prefix } = generateApiKey(fields.env ?? 'live');
  const row = {
    id,
    hash: hashApiKey(text),
    consumer_id: consumerId,
    prefix,
    name: fields.name ?? null,
    ...boundColumns(fields),
    rate_limit: formatJson(fields.rateLimit),
    budget: formatJson(fields.budget),
    expires_at: fields.expiresAt ?? null,
    revoked_at: null,
    replaced_by: null,
    counted_as: null,
    managed: fields.isOwn ? 0 : 1,
    self_service: fields.selfService ? 1 : 0,
    created_at: now,
    last_used_at: null,
  };
  return { text, row };
}

function makeSuccessor(old: ApiKeyRow, now: number): { text: string; row: ApiKeyRow } {
  const env = old.prefix.split('_')[1] as KeyEnvironment;
  const { text, id, prefix } = generateApiKey(env);
  const fresh = { id, prefix, hash: hashApiKey(text), replaced_by: null, created_at: now, last_used_at: null };
  return { text, row: { ...old, ...fresh, counted_as: old.counted_as ?? old.id } };
}

function toColumns(id: string, patch: ApiKeyPatch): Partial<ApiKeyRow> {
  return {
    // An update needs a column even when the patch is empty.
    id,
    ...(patch.name === undefined ? {} : { name: patch.name }),
    ...(patch.selfService === undefined ? {} : { self_service: patch.selfService ? 1 : 0 }),
    ...changedBounds(patch),
    ...(patch.expiresAt === undefined ? {} : { expires_at: patch.expiresAt }),
    ...(patch.rateLimit === undefined ? {} : { rate_limit: formatJson(patch.rateLimit) }),
    ...(patch.budget === undefined ? {} : { budget: formatJson(patch.budget) }),
  };
}

async function refuseSettled(trx: Knex.Transaction, id: string): Promise<never> {
  const exists: unknown = await trx(TABLE).where({ id }).first('id');
  if (!exists) return refuseUnknownKey();
  throw new GatewayError(new Rejection('CONFLICT', 'The key has been revoked, has expired or has been rotated.'));
}
