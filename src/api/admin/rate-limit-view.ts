import { type Static, Type } from '../../lib/schema-builder.ts';
import type { StoredBudget, StoredRateLimit } from '../../identity/consumers.ts';
import { formatDuration } from '../../lib/duration.ts';

export const RateLimitView = Type.Object(
  { limits: Type.Array(Type.Record(Type.String(), Type.Unknown())) },
  { description: 'The limits in long form, as they may be written in the configuration file.' },
);

export const BudgetView = Type.Array(Type.Record(Type.String(), Type.Unknown()), {
  description: 'The budgets in long form, as they may be written in the configuration file.',
});

export function budgetView(budget: StoredBudget): Static<typeof BudgetView> {
  return budget.map((entry) => ({ ...(entry as Readonly<Record<string, unknown>>) }));
}

/** A stored limit as one would write it, so that what was read can be sent back. */
export function rateLimitView({ limits }: StoredRateLimit): Static<typeof RateLimitView> {
  const written = limits.map((limit) => {
    const fields = limit as Readonly<Record<string, unknown>>;
    return { ...fields, window: formatDuration(Number(fields['window'])) };
  });
  return { limits: written };
}
