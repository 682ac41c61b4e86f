import type { AuditFields } from './audit/record-audit.ts';
import type { StoredBudget, StoredRateLimit } from './consumers.ts';
import { parseJson } from './json-column.ts';
import { type BoundColumns, type KeyBounds, readBounds } from './key-bounds.ts';

/** What may be shown of an issued key: never the key, never its hash. Times are epoch milliseconds. */
export interface ApiKey extends KeyBounds {
  readonly id: string;
  readonly prefix: string;
  readonly name: string | undefined;
  /** An administrator's: its owner may not touch it unless `selfService`. */
  readonly managed: boolean;
  /** Whether its owner may rotate and revoke it although it is managed. */
  readonly selfService: boolean;
  readonly owner: { readonly id: string; readonly name: string; readonly tier: string | undefined };
  readonly rateLimit: StoredRateLimit | undefined;
  readonly budget: StoredBudget | undefined;
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
  /** Id of the key that took its place at a rotation. */
  readonly replacedBy: string | undefined;
  readonly createdAt: number;
  /** Right to about a minute, and only as far as it reached the database. */
  readonly lastUsedAt: number | undefined;
  readonly status: 'active' | 'expired' | 'revoked';
}

/** A row of `api_keys`. */
export interface ApiKeyRow extends BoundColumns {
  readonly id: string;
  readonly hash: string;
  readonly consumer_id: string;
  readonly prefix: string;
  readonly name: string | null;
  readonly rate_limit: string | null;
  readonly budget: string | null;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  readonly replaced_by: string | null;
  /** Id of the first key of its line of rotations, under whose name limits go on counting; null for that one. */
  readonly counted_as: string | null;
  readonly managed: number;
  readonly self_service: number;
  readonly created_at: number;
  readonly last_used_at: number | null;
}

/** A row joined with the needed fields of its consumer. */
export interface OwnedKeyRow extends ApiKeyRow {
  readonly owner_name: string;
  readonly owner_tier: string | null;
}

export const OWNED_KEY_COLUMNS = ['api_keys.*', 'consumers.name as owner_name', 'consumers.tier as owner_tier'];

export function toApiKey(row: OwnedKeyRow, now: number): ApiKey {
  return {
    id: row.id,
    prefix: row.prefix,
    name: row.name ?? undefined,
    owner: { id: row.consumer_id, name: row.owner_name, tier: row.owner_tier ?? undefined },
    managed: row.managed !== 0,
    selfService: row.self_service !== 0,
    ...readBounds(row),
    rateLimit: parseJson<StoredRateLimit>(row.rate_limit),
    budget: parseJson<StoredBudget>(row.budget),
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    replacedBy: row.replaced_by ?? undefined,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at ?? undefined,
    status: statusOf(row, now),
  };
}

/** The audited fields of a key: every setting, and nothing that would reveal the key. */
export function auditedKey(row: ApiKeyRow): AuditFields {
  const { id: _id, hash: _hash, last_used_at: _lastUse, created_at: _created, counted_as: _first, ...decided } = row;
  const flags = { managed: row.managed !== 0, self_service: row.self_service !== 0 };
  const limits = { rate_limit: parseJson(row.rate_limit), budget: parseJson(row.budget) };
  return { ...decided, ...readBounds(row), ...flags, ...limits };
}

function statusOf(row: ApiKeyRow, now: number): ApiKey['status'] {
  if (row.revoked_at !== null) return 'revoked';
  return row.expires_at !== null && row.expires_at <= now ? 'expired' : 'active';
}
