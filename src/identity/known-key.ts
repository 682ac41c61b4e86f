import type { Principal } from '../exchange/principal.ts';
import { hashApiKey } from './api-key-format.ts';
import { OWNED_KEY_COLUMNS, type OwnedKeyRow } from './api-key-row.ts';
import type { ConsumerStatus, StoredLimits } from './consumers.ts';
import { parseJson } from './json-column.ts';
import { limitLevel, storedLimits } from './limit-level.ts';
import { type KeyBounds, keyRights, readBounds } from './key-bounds.ts';
import { computeRights, type RightsSource, type RightsSources } from './rights.ts';

/** Why a key that was presented is not accepted. `throttled`: not looked up, its address has failed too often. */
export type KeyRefusal = 'unknown' | 'expired' | 'revoked' | 'disabled' | 'throttled';

/** The reason why a token is not genuine. */
export type TokenFault =
  | ('form' | 'issuer' | 'audience' | 'key' | 'algorithm' | 'signature' | 'time' | 'type' | 'claim')
  /** The name no longer exists, or another issuer controls it. */
  | 'owner';

export type KeyLookup =
  | { readonly kind: 'found'; readonly principal: Principal }
  | { readonly kind: 'refused'; readonly reason: KeyRefusal; readonly why?: TokenFault | undefined }
  /** The store could not be asked: nothing is known about the key. */
  | { readonly kind: 'unavailable' };

/** A key that verifies, with its ready answer: a hit on it allocates nothing. */
export interface KnownKey {
  readonly answer: KeyLookup & { readonly kind: 'found' };
  /** Epoch milliseconds; Infinity when it never expires. */
  readonly expiresAt: number;
  /** Monotonic milliseconds when it was read from the store; Infinity when it needs no reading again. */
  readonly fetchedAt: number;
  /** Monotonic milliseconds before which a failed reading is not repeated. */
  retryAt: number;
  /** Number of the last-use round in which it was last counted. */
  usedInRound: number;
}

/** A row of `api_keys` with the needed fields of its consumer. */
export interface VerifyingRow extends OwnedKeyRow {
  readonly owner_status: ConsumerStatus;
  readonly owner_rate_limit: string | null;
  readonly owner_budget: string | null;
  readonly owner_permissions: string;
  readonly owner_models: string | null;
}

export const VERIFYING_COLUMNS = [
  ...OWNED_KEY_COLUMNS,
  'consumers.status as owner_status',
  'consumers.rate_limit as owner_rate_limit',
  'consumers.budget as owner_budget',
  'consumers.permissions as owner_permissions',
  'consumers.models as owner_models',
];

/** A key written in the configuration file. */
export interface FileConsumer extends StoredLimits {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly tier?: string | undefined;
  readonly permissions?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly keys: readonly (KeyBounds &
    StoredLimits & {
      readonly id: string;
      /** SHA-256 of the key in lower-case hexadecimal. */
      readonly hash: string;
      /** Epoch milliseconds. */
      readonly expires_at?: number | undefined;
    })[];
}

/** A key that exists in memory only: the development key, or `TEST_API_KEY`. */
export interface MemoryKey {
  readonly text: string;
  readonly owner: string;
}

const KEYS_CARRY_NO_CLAIMS = { lob: undefined, claims: Object.freeze({}) };

export function fromRow(row: VerifyingRow, fetchedAt: number): KnownKey {
  const ofOwner = storedLimits({ rate_limit: row.owner_rate_limit, budget: row.owner_budget });
  return knownKey(
    {
      consumer: { id: row.consumer_id, name: row.owner_name, tier: row.owner_tier ?? undefined },
      credential: { kind: 'api_key', id: row.id, prefix: row.prefix, hashPrefix: row.hash.slice(0, 8) },
      ...computeRights(rightsOfRow(row)),
      ...KEYS_CARRY_NO_CLAIMS,
      expiresAt: row.expires_at ?? undefined,
      limits: [
        ...limitLevel('consumer', row.consumer_id, ofOwner),
        ...limitLevel('key', row.counted_as ?? row.id, storedLimits(row)),
      ],
    },
    fetchedAt,
  );
}

/** The sources that narrow a key of the database: its owner, and its own bounds. */
function rightsOfRow(row: VerifyingRow): RightsSources {
  const owner = storedRights({ permissions: row.owner_permissions, models: row.owner_models });
  return [owner, keyRights(readBounds(row))];
}

/** What the columns of a stored consumer say of its rights. */
export function storedRights(row: { readonly permissions: string; readonly models: string | null }): RightsSource {
  return { from: 'consumer', permissions: JSON.parse(row.permissions) as string[], models: parseJson(row.models) };
}

/** The same of a consumer of the configuration file. */
export function fileRights({ permissions, models }: FileConsumer): RightsSource {
  return { from: 'consumer of the file', permissions, models };
}

/** Hash and key of everything the file declares; keys of disabled consumers are refusals. */
export function fromFile(consumers: readonly FileConsumer[]): [string, KnownKey | 'disabled'][] {
  return consumers.flatMap((consumer) =>
    consumer.keys.map((key): [string, KnownKey | 'disabled'] => {
      if (!consumer.enabled) return [key.hash, 'disabled'];
      const principal: Principal = {
        consumer: { id: consumer.id, name: consumer.name, tier: consumer.tier },
        credential: { kind: 'api_key', id: key.id, prefix: key.id, hashPrefix: key.hash.slice(0, 8) },
        ...computeRights([fileRights(consumer), keyRights(key)]),
        ...KEYS_CARRY_NO_CLAIMS,
        expiresAt: key.expires_at,
        limits: [...limitLevel('consumer', consumer.id, consumer), ...limitLevel('key', key.id, key)],
      };
      return [key.hash, knownKey(principal, Number.POSITIVE_INFINITY)];
    }),
  );
}

export function fromMemory(key: MemoryKey): [string, KnownKey] {
  const hash = hashApiKey(key.text);
  const id = `memory_${hash.slice(0, 8)}`;
  const principal: Principal = {
    consumer: { id: key.owner, name: key.owner, tier: undefined },
    credential: { kind: 'api_key', id, prefix: id, hashPrefix: hash.slice(0, 8) },
    ...computeRights([{ from: 'environment' }]),
    ...KEYS_CARRY_NO_CLAIMS,
    expiresAt: undefined,
    limits: [],
  };
  return [hash, knownKey(principal, Number.POSITIVE_INFINITY)];
}

function knownKey(principal: Principal, fetchedAt: number): KnownKey {
  return {
    answer: Object.freeze({ kind: 'found', principal: freezePrincipal(principal) } as const),
    expiresAt: principal.expiresAt ?? Number.POSITIVE_INFINITY,
    fetchedAt,
    retryAt: 0,
    usedInRound: 0,
  };
}

export function freezePrincipal(principal: Principal): Principal {
  Object.freeze(principal.consumer);
  Object.freeze(principal.credential);
  Object.freeze(principal.permissions);
  Object.freeze(principal.models);
  Object.freeze(principal.routes);
  Object.freeze(principal.limits);
  return Object.freeze(principal);
}
