import Type from 'typebox';
import { renderPath } from '../../config/config-error.ts';
import { checkLimits } from '../../config/policy-checks.ts';
import { Instant } from '../../lib/schema-atoms.ts';
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

/** `resource:action` with a wildcard at the end. */
export function PermissionList(description: string) {
  const form = { pattern: '^[A-Za-z0-9_.:-]{0,100}\\*?$', 'x-form': 'a permission such as chat:write or chat:*' };
  return Type.Array(Type.String({ minLength: 1, ...form }), { description, maxItems: 100 });
}

export const TierName = Type.String({
  description: 'Tier of the owner.',
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  'x-form': 'a name of letters, digits, _ and -',
});

export const ExpiresAt = Instant({
  description: 'When the key stops working: `2027-01-01`, or with time and offset. Default: never.',
});

export const RateLimit = policyField('rate_limit');

/** Throws VALIDATION_ERROR when a key would be born dead. */
export function checkExpiry(expiresAt: number | null | undefined, now: number): void {
  if (expiresAt && expiresAt <= now) refuseField('expires_at', 'must lie in the future');
}

/** Throws VALIDATION_ERROR for limits that are valid one by one and make no sense together. */
export function checkRateLimit(rateLimit: Parameters<typeof checkLimits>[0] | null): void {
  checkLimits(rateLimit ?? undefined, ['rate_limit'], {
    fail: (path, message) => refuseField(renderPath(path), message),
  });
}
