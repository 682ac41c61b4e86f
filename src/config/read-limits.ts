import { type Static, Type } from '../lib/schema-builder.ts';
import { formatDuration } from '../lib/duration.ts';
import { once } from '../lib/once.ts';
import { policyField } from '../policies/schemas.ts';
import { renderPath } from './config-error.ts';
import { asNode, normalize } from './text/normalize.ts';
import { checkPolicies } from './checks/policy-checks.ts';
import { compileValidator } from './validate.ts';

const LimitsSchema = Type.Object(
  { rate_limit: policyField('rate_limit'), budget: policyField('budget') },
  { additionalProperties: false },
);
const limitsValidator = once(() => compileValidator(asNode(LimitsSchema)));

/** Limits written outside the file, on a key or consumer, or why they are none: one line per mistake. */
export type LimitsReading = Static<typeof LimitsSchema> | { readonly problems: readonly string[] };

const MINUTE_MS = 60_000;

/**
 * Reads what the file accepts under `rate_limit` and `budget`, short form included; the window of the short form is
 * `ratePeriodMs`. The result is the long form with every default, durations in milliseconds.
 */
export function readLimits(
  written: { readonly rate_limit?: unknown; readonly budget?: unknown },
  ratePeriodMs = MINUTE_MS,
): LimitsReading {
  const problems: string[] = [];
  const report = (path: readonly (string | number)[], message: string): void => {
    problems.push(`${renderPath(path)}: ${message}`);
  };
  const context = { folder: '', rateWindow: formatDuration(ratePeriodMs), report, warn: () => undefined };
  const { value } = normalize(asNode(LimitsSchema), written, context);
  for (const { path, message } of limitsValidator()(value)) report(path, message);
  const limits = value as Static<typeof LimitsSchema>;
  if (problems.length === 0) checkPolicies(limits, [], { fail: report });
  return problems.length > 0 ? { problems } : limits;
}
