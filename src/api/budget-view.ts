import { type Static, Type } from '../lib/schema-builder.ts';
import type { BudgetStanding } from '../exchange/receipts.ts';
import { InstantText, instantText } from './endpoint.ts';

/** The daily and monthly budgets of a caller, and what is left. A budget whose store does not answer is left out. */
export const BudgetsView = Type.Array(
  Type.Object({
    name: Type.String(),
    unit: Type.Enum(['requests', 'tokens', 'cost_usd']),
    limit: Type.Number(),
    used: Type.Number({ description: 'What running requests have reserved is in it.' }),
    remaining: Type.Number(),
    resets_at: InstantText('When it resets.'),
  }),
);

export function budgetsView(budgets: readonly BudgetStanding[]): Static<typeof BudgetsView> {
  return budgets.map(({ resetsAt, ...budget }) => ({ ...budget, resets_at: instantText(resetsAt) }));
}
