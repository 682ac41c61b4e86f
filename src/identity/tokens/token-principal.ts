import { type LimitLevel, type Principal, UNBOUNDED } from '../../exchange/principal.ts';
import { narrow, narrowAny } from '../../lib/wildcard-list.ts';
import type { StoredLimits } from '../consumers.ts';
import { limitLevel, storedLimits } from '../limit-level.ts';
import { type FileConsumer, freezePrincipal } from '../known-key.ts';
import { type ConsumerStanding, foreignConsumerId } from './token-standing.ts';
import type { VerifiedToken } from './verify-token.ts';

/** What the server grants before the token narrows it. */
interface Grant {
  readonly consumer: Principal['consumer'];
  readonly permissions: readonly string[];
  readonly models?: readonly string[] | undefined;
  readonly limits?: StoredLimits | undefined;
}

/** Which tiers there are; `undefined` while the configuration declares none and every name is a mere label. */
export type TierNames = ReadonlySet<string> | undefined;

/** Who calls with this token. Its claims narrow what its consumer may do and never widen it. */
export function principalOf(token: VerifiedToken, grant: Grant, digest: string): Principal {
  const { issuer, jti, family, expiresAt } = token;
  const id = jti ?? `token_${digest.slice(0, 16)}`;
  return freezePrincipal({
    consumer: grant.consumer,
    credential: { kind: 'token', id, prefix: issuer?.alias ?? 'own', hashPrefix: digest.slice(0, 8), family },
    ...UNBOUNDED,
    permissions: narrow(grant.permissions, token.permissions),
    models: narrowAny(grant.models, token.models),
    lob: token.lob,
    claims: Object.freeze(token.mapped),
    expiresAt,
    limits: levelsOf(grant),
  });
}

/** A consumer of ours, as the database has it: what the token says of its tier may be long out of date. */
export function grantOfRow(row: ConsumerStanding): Grant {
  return {
    consumer: { id: row.id, name: row.name, tier: row.tier ?? undefined },
    permissions: JSON.parse(row.permissions) as string[],
    limits: storedLimits(row),
  };
}

/** A consumer of ours that stands in the configuration file. */
export function grantOfFile({ id, name, tier, permissions, rate_limit, budget }: FileConsumer): Grant {
  const { permissions: everything } = UNBOUNDED;
  return { consumer: { id, name, tier }, permissions: permissions ?? everything, limits: { rate_limit, budget } };
}

/** Somebody nobody has stored: who holds the secret, or whose issuer is trusted, vouches for the name. */
export function grantOfStranger(token: VerifiedToken, tiers: TierNames): Grant {
  const { issuer, subject } = token;
  const id = issuer ? foreignConsumerId(issuer.alias, subject) : subject;
  const atMost = issuer?.at_most;
  return {
    consumer: { id, name: id, tier: tierOf(token, tiers) },
    permissions: atMost?.permissions ?? UNBOUNDED.permissions,
    models: atMost?.models,
  };
}

function tierOf({ tier, issuer }: VerifiedToken, tiers: TierNames): string | undefined {
  const isAllowed = tier !== undefined && (tiers?.has(tier) ?? true) && (issuer?.at_most.tiers?.includes(tier) ?? true);
  return isAllowed ? tier : issuer?.default_tier;
}

function levelsOf({ consumer, limits }: Grant): LimitLevel[] {
  return limits ? limitLevel('consumer', consumer.id, limits) : [];
}
