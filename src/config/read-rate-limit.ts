import { Type } from '../lib/schema-builder.ts';
import { formatDuration } from '../lib/duration.ts';
import { once } from '../lib/once.ts';
import type { RateLimitConfig } from '../policies/limits/schema.ts';
import { policyField } from '../policies/schemas.ts';
import { renderPath } from './config-error.ts';
import { asNode, normalize } from './normalize.ts';
import { checkPolicies } from './policy-checks.ts';
import { compileValidator } from './validate.ts';

/** A rate limit written outside the file, on a key or consumer, or why it is none: one line per mistake. */
export type RateLimitReading = { readonly rateLimit: RateLimitConfig } | { readonly problems: readonly string[] };

const HolderSchema = Type.Object({ rate_limit: policyField('rate_limit') }, { additionalProperties: false });
const holderValidator = once(() => compileValidator(asNode(HolderSchema)));

/**
 * Reads what the file accepts under `rate_limit`, short form included; the window of the short form is `ratePeriodMs`.
 * The result is the long form with every default, durations in milliseconds.
 */
export function readRateLimit(written: unknown, ratePeriodMs: number): RateLimitReading {
  const problems: string[] = [];
  const report = (path: readonly (string | number)[], message: string): void => {
    problems.push(`${renderPath(path)}: ${message}`);
  };
  const context = { folder: '', rateWindow: formatDuration(ratePeriodMs), report, warn: () => undefined };
  const { value } = normalize(asNode(HolderSchema), { rate_limit: written }, context);
  for (const { path, message } of holderValidator()(value)) report(path, message);
  const { rate_limit: rateLimit } = value as { rate_limit?: RateLimitConfig };
  if (problems.length === 0 && rateLimit) checkPolicies({ rate_limit: rateLimit }, [], { fail: report });
  if (problems.length === 0 && !rateLimit) report(['rate_limit'], 'is required');
  return problems.length > 0 ? { problems } : { rateLimit: rateLimit as RateLimitConfig };
}
