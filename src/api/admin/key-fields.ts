import { Type } from '../../lib/schema-builder.ts';
import { renderPath } from '../../config/config-error.ts';
import { NAME_FORM } from '../../config/text/name-form.ts';
import { checkBudgets, checkLimits } from '../../config/checks/policy-checks.ts';
import type { GatewayConfig } from '../../config/gateway-config.ts';
import { tierMistake } from '../../config/checks/tier-names.ts';
import { AddressRange, Instant, ModelName, Permission } from '../../lib/schema-atoms.ts';
import { policyField } from '../../policies/schemas.ts';
import { refuseField } from '../read-input.ts';

const PRINTABLE = '^[^\\u0000-\\u001f\\u007f]+$';

/** A name for people, and what `owner` names. */
export function NameText(description: string) {
  return Type.String({
    description,
    minLength: 1,
    maxLength: 200,
    pattern: PRINTABLE,
    'x-form': 'text without control characters',
  });
}

const RouteName = Type.String(NAME_FORM);

/** `resource:action` with a wildcard at the end. */
export function PermissionList(description: string) {
  return Type.Array(Permission(), { description, maxItems: 100 });
}

/** What narrows a key beyond what its owner may do. */
export const KEY_BOUNDS = {
  scopes: Type.Optional(PermissionList('Narrows what the owner may do. Default: everything the owner may do.')),
  models: Type.Optional(
    Type.Array(ModelName(), {
      description: 'Models it may ask for on llm and embeddings services. Default: all.',
      maxItems: 100,
    }),
  ),
  routes: Type.Optional(
    Type.Array(RouteName, { description: 'Names of the routes it may use. Default: all.', maxItems: 100 }),
  ),
  addresses: Type.Optional(
    Type.Array(AddressRange(), {
      description: 'Client addresses it may be used from: addresses, CIDR ranges, `loopback`, `private`. Default: all.',
      maxItems: 100,
    }),
  ),
};

export const TierName = Type.String({ description: 'Tier of the owner.', ...NAME_FORM });

export const ExpiresAt = Instant({
  description: 'When the key stops working: `2027-01-01`, or with time and offset. Default: never.',
});

export const SelfService = Type.Optional(
  Type.Boolean({
    description: 'Whether an owner who has an account may rotate and revoke the key. Default: only administrators may.',
  }),
);

/** What narrows a consumer, and every key and token of it. */
export const ConsumerModels = Type.Optional(
  Type.Array(ModelName(), {
    description: 'Models it may ask for on llm and embeddings services. Default: all.',
    maxItems: 100,
  }),
);

export const RateLimit = policyField('rate_limit');
export const Budget = policyField('budget');

/** Throws VALIDATION_ERROR for a tier that the configuration does not declare. */
export function checkTier(tier: string | null | undefined, { tiers }: GatewayConfig): void {
  const mistake = tierMistake(tier ?? undefined, tiers);
  if (mistake !== undefined) refuseField('tier', mistake);
}

/** Throws VALIDATION_ERROR when a key would be born dead. */
export function checkExpiry(expiresAt: number | null | undefined, now: number): void {
  if (typeof expiresAt === 'number' && expiresAt <= now) refuseField('expires_at', 'must lie in the future');
}

interface WrittenLimits {
  readonly rate_limit?: Parameters<typeof checkLimits>[0] | null;
  readonly budget?: Parameters<typeof checkBudgets>[0] | null;
}

/** Throws VALIDATION_ERROR for limits and budgets that are valid one by one and make no sense together. */
export function checkWrittenLimits({ rate_limit: rateLimit, budget }: WrittenLimits): void {
  const fail = (path: Parameters<typeof renderPath>[0], message: string): never =>
    refuseField(renderPath(path), message);
  checkLimits(rateLimit ?? undefined, ['rate_limit'], { fail });
  checkBudgets(budget ?? undefined, ['budget'], { fail });
}
