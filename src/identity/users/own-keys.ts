import { GatewayError, Rejection } from '../../errors/rejection.ts';
import type { Principal } from '../../exchange/principal.ts';
import { holds, narrow } from '../../lib/wildcard-list.ts';
import type { Database } from '../../storage/database.ts';
import type { ApiKey } from '../api-key-row.ts';
import type { ApiKeys, IssuedApiKey, NewApiKey } from '../api-keys.ts';
import type { AuditContext } from '../audit/audit-context.ts';
import type { Page, PageRequest } from '../page.ts';
import { isUserId } from './users.ts';

/** A key somebody makes for themselves. */
export type NewOwnKey = Omit<NewApiKey, 'owner' | 'tier' | 'mostWorking'>;

interface OwnKeysOptions {
  readonly keys: ApiKeys;
  readonly database: Database;
}

/** Working keys of one owner: more than anybody keeps in view. */
const MOST_KEYS = 100;

/**
 * The keys of whoever is logged in, and no others: a key of somebody else is NOT_FOUND like one that does not exist.
 * Nobody gets a key that may do more than the token it is asked for with (FORBIDDEN). CONFLICT at 100 working keys.
 */
export class OwnKeys {
  private readonly options: OwnKeysOptions;

  constructor(options: OwnKeysOptions) {
    this.options = options;
  }

  async issue(owner: Principal, fields: NewOwnKey, by: AuditContext): Promise<IssuedApiKey> {
    refuseStrangers(owner);
    const scopes = fields.scopes ?? (await this.inheritedScopes(owner));
    const models = fields.models ?? owner.models;
    if (scopes && !isWithin(owner.permissions, scopes)) refuseWider('scopes');
    if (owner.models && models && !isWithin(owner.models, models)) refuseWider('models');
    const own = { ...fields, scopes, models, owner: owner.consumer.name, mostWorking: MOST_KEYS };
    return this.options.keys.issue(own, by);
  }

  list(owner: Principal, request: PageRequest): Promise<Page<ApiKey>> {
    refuseStrangers(owner);
    return this.options.keys.list({ ...request, consumerId: owner.consumer.id });
  }

  async revoke(owner: Principal, id: string, by: AuditContext): Promise<ApiKey> {
    await this.find(owner, id);
    return this.options.keys.revoke(id, by);
  }

  /** The successor has the rights of the old key, so the token must have them all. */
  async rotate(owner: Principal, id: string, graceMs: number, by: AuditContext): Promise<IssuedApiKey> {
    const old = await this.find(owner, id);
    const rights = narrow(await this.ownersPermissions(owner), old.scopes);
    if (!isWithin(owner.permissions, rights)) refuseWider('scopes');
    if (owner.models && !(old.models && isWithin(owner.models, old.models))) refuseWider('models');
    return this.options.keys.rotate(id, graceMs, by);
  }

  private async find(owner: Principal, id: string): Promise<ApiKey> {
    refuseStrangers(owner);
    const key = await this.options.keys.get(id);
    if (key.owner.id === owner.consumer.id) return key;
    throw new GatewayError(new Rejection('NOT_FOUND', 'No API key has this id.'));
  }

  /** A key without scopes may do all that its owner may, so a token that may do less hands on its own list. */
  private async inheritedScopes(owner: Principal): Promise<readonly string[] | undefined> {
    const isNarrowed = !isWithin(owner.permissions, await this.ownersPermissions(owner));
    return isNarrowed ? owner.permissions : undefined;
  }

  private async ownersPermissions({ consumer }: Principal): Promise<readonly string[]> {
    const row: { permissions: string } | undefined = await this.options.database
      .reader('consumers')
      .where({ id: consumer.id })
      .first('permissions');
    return row ? (JSON.parse(row.permissions) as string[]) : [];
  }
}

function isWithin(bound: readonly string[], names: readonly string[]): boolean {
  return names.every((name) => holds(bound, name));
}

/** Callers of other issuers, and those of the configuration file, have no row that a key could belong to. */
function refuseStrangers({ consumer }: Principal): void {
  if (isUserId(consumer.id)) return;
  throw new GatewayError(new Rejection('FORBIDDEN', 'Only who logs in at this gateway has keys of their own.'));
}

function refuseWider(field: string): never {
  const facts = { param: field };
  throw new GatewayError(new Rejection('FORBIDDEN', `${field}: a key may not do more than you may.`, { facts }));
}
