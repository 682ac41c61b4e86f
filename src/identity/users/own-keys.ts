import { refuseUnknownKey } from '../find-key.ts';
import { GatewayError, Rejection } from '../../errors/rejection.ts';
import type { Principal } from '../../exchange/principal.ts';
import { holds } from '../../lib/wildcard-list.ts';
import type { Database } from '../../storage/database.ts';
import type { ApiKey } from '../api-key-row.ts';
import type { ApiKeys, IssuedApiKey, NewApiKey } from '../api-keys.ts';
import type { AuditContext } from '../audit/audit-context.ts';
import type { Page, PageRequest } from '../page.ts';
import { computeRights, type RightsSource } from '../rights.ts';
import { keyRights } from '../key-bounds.ts';
import { storedRights } from '../known-key.ts';
import { isUserId } from '../name-owner.ts';

/** A key somebody makes for themselves. */
export type NewOwnKey = Omit<NewApiKey, 'owner' | 'tier' | 'mostWorking' | 'isOwn' | 'selfService'>;

interface OwnKeysOptions {
  readonly keys: ApiKeys;
  readonly database: Database;
}

/** Working keys of one owner: more than anybody keeps in view. */
const MOST_KEYS = 100;

/**
 * The keys of the logged-in user. A key of another user is NOT_FOUND, like one that does not exist.
 * A new key cannot have more rights than the token that asks for it (FORBIDDEN). Keys that an administrator issued
 * cannot be changed unless they are for self-service (FORBIDDEN). CONFLICT at 100 working keys.
 */
export class OwnKeys {
  private readonly options: OwnKeysOptions;

  constructor(options: OwnKeysOptions) {
    this.options = options;
  }

  async issue(owner: Principal, fields: NewOwnKey, by: AuditContext): Promise<IssuedApiKey> {
    refuseStrangers(owner);
    const inherited = await this.inheritedBounds(owner);
    const scopes = fields.scopes ?? inherited.scopes;
    const models = fields.models ?? inherited.models;
    if (scopes && !isWithin(owner.permissions, scopes)) refuseWider('scopes');
    if (models && !isWithin(owner.models, models)) refuseWider('models');
    const own = { ...fields, scopes, models, owner: owner.consumer.id, isOwn: true, mostWorking: MOST_KEYS };
    return this.options.keys.issue(own, by);
  }

  list(owner: Principal, request: PageRequest): Promise<Page<ApiKey>> {
    refuseStrangers(owner);
    return this.options.keys.list({ ...request, consumerId: owner.consumer.id });
  }

  async revoke(owner: Principal, id: string, by: AuditContext): Promise<ApiKey> {
    refuseManaged(await this.find(owner, id));
    return this.options.keys.revoke(id, by);
  }

  /** The successor has the rights of the old key, so the token must have them all. */
  async rotate(owner: Principal, id: string, graceMs: number, by: AuditContext): Promise<IssuedApiKey> {
    const old = await this.find(owner, id);
    refuseManaged(old);
    const rights = computeRights([await this.readOwner(owner), keyRights(old)]);
    if (!isWithin(owner.permissions, rights.permissions)) refuseWider('scopes');
    if (!isWithin(owner.models, rights.models)) refuseWider('models');
    return this.options.keys.rotate(id, graceMs, by, MOST_KEYS);
  }

  private async find(owner: Principal, id: string): Promise<ApiKey> {
    refuseStrangers(owner);
    const key = await this.options.keys.get(id);
    // The same words as for a key that does not exist.
    return key.owner.id === owner.consumer.id ? key : refuseUnknownKey();
  }

  /** A key without bounds may do all that its owner may, so a token that may do less hands on its own lists. */
  private async inheritedBounds(owner: Principal): Promise<Pick<NewOwnKey, 'scopes' | 'models'>> {
    const { permissions, models } = computeRights([await this.readOwner(owner)]);
    return {
      scopes: isWithin(owner.permissions, permissions) ? undefined : owner.permissions,
      models: isWithin(owner.models, models) ? undefined : owner.models,
    };
  }

  private async readOwner({ consumer }: Principal): Promise<RightsSource> {
    const row: { permissions: string; models: string | null } | undefined = await this.options.database
      .reader('consumers')
      .where({ id: consumer.id })
      .first('permissions', 'models');
    return row ? storedRights(row) : { from: 'nobody', permissions: [], models: [] };
  }
}

/** True when the bound holds every name; `undefined` is everything. */
function isWithin(bound: readonly string[] | undefined, names: readonly string[] | undefined): boolean {
  if (bound === undefined) return true;
  return names !== undefined && names.every((name) => holds(bound, name));
}

/** Callers of other issuers, and those of the configuration file, have no row that a key could belong to. */
function refuseStrangers({ consumer }: Principal): void {
  if (isUserId(consumer.id)) return;
  throw new GatewayError(
    new Rejection('FORBIDDEN', 'Only a user who logs in at this gateway can have their own keys.'),
  );
}

function refuseManaged({ managed, selfService }: ApiKey): void {
  if (!managed || selfService) return;
  const detail = 'An administrator manages this key. Ask them to rotate or revoke it.';
  throw new GatewayError(new Rejection('FORBIDDEN', detail));
}

function refuseWider(field: string): never {
  const facts = { param: field };
  throw new GatewayError(
    new Rejection('FORBIDDEN', `${field}: a key cannot have rights that you do not have.`, { facts }),
  );
}
