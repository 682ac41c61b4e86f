import type { LimitLevel, Principal } from '../../exchange/principal.ts';
import type { StoredLimits } from '../consumers.ts';
import { limitLevel, storedLimits } from '../limit-level.ts';
import { type FileConsumer, fileRights, freezePrincipal, storedRights } from '../known-key.ts';
import { computeRights, type RightsSource, type RightsSources } from '../rights.ts';
import { type ConsumerStanding, foreignConsumerId } from './token-standing.ts';
import type { VerifiedToken } from './verify-token.ts';

/** What the server grants before the token narrows it. */
interface Grant {
  readonly consumer: Principal['consumer'];
  readonly rights: RightsSource;
  readonly limits?: StoredLimits | undefined;
}

/** The declared tiers; `undefined` if the configuration declares none and every name is only a label. */
export type TierNames = ReadonlySet<string> | undefined;

/** The caller with this token. Its claims narrow the rights of its consumer and never widen them. */
export function principalOf(token: VerifiedToken, grant: Grant, digest: string): Principal {
  const { issuer, jti, family, expiresAt } = token;
  const id = jti ?? `token_${digest.slice(0, 16)}`;
  return freezePrincipal({
    consumer: grant.consumer,
    credential: { kind: 'token', id, prefix: issuer?.alias ?? 'own', hashPrefix: digest.slice(0, 8), family },
    ...computeRights(rightsOfToken(token, grant)),
    lob: token.lob,
    claims: Object.freeze(token.mapped),
    expiresAt,
    limits: levelsOf(grant),
  });
}

/** The sources that narrow a token: its grantor and its own claims. */
function rightsOfToken(token: VerifiedToken, grant: Grant): RightsSources {
  return [grant.rights, claimedRights(token)];
}

/**
 * What the claims leave of a grant. Whoever holds a token decides neither by a claim that is missing nor by one that is
 * empty: what the configuration maps and the token does not name is nothing.
 */
function claimedRights({ issuer, isAddressed, permissions, models }: VerifiedToken): RightsSource {
  const from = 'token';
  if (!issuer) return isAddressed ? { from, permissions, models } : { from, ...writtenOut({ permissions, models }) };
  const { claims } = issuer;
  const nothing = claims.missing === 'allow' ? undefined : [];
  return {
    from,
    permissions: claims.permissions === undefined ? undefined : (permissions ?? nothing),
    models: claims.models === undefined ? undefined : (models ?? nothing),
  };
}

/**
 * A token that names neither this gateway as its issuer nor as its audience may have been made for another that shares
 * the secret: it is valid for the names it lists, and a `*` for everything lists none.
 */
function writtenOut({ permissions = [], models = [] }: Pick<VerifiedToken, 'permissions' | 'models'>) {
  const isName = (name: string): boolean => name !== '*';
  return { permissions: permissions.filter(isName), models: models.filter(isName) };
}

/** A consumer of ours, as the database has it: what the token says of its tier may be long out of date. */
export function grantOfRow(row: ConsumerStanding): Grant {
  return {
    consumer: { id: row.id, name: row.name, tier: row.tier ?? undefined },
    rights: storedRights(row),
    limits: storedLimits(row),
  };
}

/** A consumer from the configuration file. */
export function grantOfFile(consumer: FileConsumer): Grant {
  const { id, name, tier, rate_limit, budget } = consumer;
  return { consumer: { id, name, tier }, rights: fileRights(consumer), limits: { rate_limit, budget } };
}

/** A caller that is not stored: the holder of the secret, or the trusted issuer, vouches for the name. */
export function grantOfStranger(token: VerifiedToken, tiers: TierNames): Grant {
  const { issuer, subject } = token;
  const id = issuer ? foreignConsumerId(issuer.alias, subject) : subject;
  const atMost = issuer && { permissions: issuer.at_most.permissions, models: issuer.at_most.models };
  return {
    consumer: { id, name: id, tier: tierOf(token, tiers) },
    rights: { from: issuer ? `issuer ${issuer.alias}` : 'secret', ...atMost },
  };
}

function tierOf({ tier, issuer }: VerifiedToken, tiers: TierNames): string | undefined {
  const isAllowed = tier !== undefined && (tiers?.has(tier) ?? true) && (issuer?.at_most.tiers?.includes(tier) ?? true);
  return isAllowed ? tier : issuer?.default_tier;
}

function levelsOf({ consumer, limits }: Grant): LimitLevel[] {
  return limits ? limitLevel('consumer', consumer.id, limits) : [];
}
