import { type Static, Type } from '../../lib/schema-builder.ts';
import type { ApiKey } from '../../identity/api-key-row.ts';
import type { IssuedApiKey } from '../../identity/api-keys.ts';
import { InstantText, instantText } from '../endpoint.ts';
import { BudgetView, budgetView, RateLimitView, rateLimitView } from './rate-limit-view.ts';

/** What may be shown of a key. Fields that have nothing to say are left out. */
export const KeyView = Type.Object({
  id: Type.String(),
  prefix: Type.String({ description: 'The part of the key that may be shown.' }),
  name: Type.Optional(Type.String()),
  owner: Type.Object({ id: Type.String(), name: Type.String(), tier: Type.Optional(Type.String()) }),
  status: Type.Enum(['active', 'expired', 'revoked']),
  managed: Type.Boolean({ description: 'Whether an administrator issued it.' }),
  self_service: Type.Optional(
    Type.Boolean({ description: 'True where the owner may rotate and revoke a key that is managed.' }),
  ),
  scopes: Type.Optional(Type.Array(Type.String())),
  models: Type.Optional(Type.Array(Type.String())),
  routes: Type.Optional(Type.Array(Type.String())),
  addresses: Type.Optional(Type.Array(Type.String())),
  rate_limit: Type.Optional(RateLimitView),
  budget: Type.Optional(BudgetView),
  expires_at: Type.Optional(InstantText('When it stops working.')),
  revoked_at: Type.Optional(InstantText('When it was revoked.')),
  replaced_by: Type.Optional(Type.String({ description: 'Id of the key that took its place at a rotation.' })),
  created_at: InstantText('When it was issued.'),
  last_used_at: Type.Optional(InstantText('When it was last used, to about a minute.')),
});

export function keyView(key: ApiKey): Static<typeof KeyView> {
  const {
    id,
    prefix,
    name,
    owner,
    status,
    managed,
    selfService,
    scopes,
    models,
    routes,
    addresses,
    rateLimit,
    budget,
    replacedBy,
    createdAt,
  } = key;
  return {
    id,
    prefix,
    ...(name === undefined ? {} : { name }),
    owner: { id: owner.id, name: owner.name, ...(owner.tier === undefined ? {} : { tier: owner.tier }) },
    status,
    managed,
    ...(selfService && { self_service: true }),
    ...(scopes && { scopes: [...scopes] }),
    ...(models && { models: [...models] }),
    ...(routes && { routes: [...routes] }),
    ...(addresses && { addresses: [...addresses] }),
    ...(rateLimit && { rate_limit: rateLimitView(rateLimit) }),
    ...(budget && { budget: budgetView(budget) }),
    ...(key.expiresAt !== undefined && { expires_at: instantText(key.expiresAt) }),
    ...(key.revokedAt !== undefined && { revoked_at: instantText(key.revokedAt) }),
    ...(replacedBy !== undefined && { replaced_by: replacedBy }),
    created_at: instantText(createdAt),
    ...(key.lastUsedAt !== undefined && { last_used_at: instantText(key.lastUsedAt) }),
  };
}

/** The one answer in which a key can be read. */
export const IssuedKeyView = Type.Object({
  api_key: Type.String({ description: 'The key. It is stored nowhere and cannot be shown again.' }),
  id: Type.String(),
  owner: Type.String(),
  prefix: Type.String({ description: 'The part of the key that may be shown.' }),
  created_at: InstantText('When it was issued.'),
});

export function issuedKeyView({ apiKey, key }: IssuedApiKey): Static<typeof IssuedKeyView> {
  const { id, owner, prefix, createdAt } = key;
  return { api_key: apiKey, id, owner: owner.name, prefix, created_at: instantText(createdAt) };
}
