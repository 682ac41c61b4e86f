import { type Static, Type } from '../../lib/schema-builder.ts';
import { OneOrMany, Section } from '../../lib/schema-atoms.ts';
import { Per } from './schema-words.ts';

/** Keeps what is counted exact: billionths of a dollar are whole numbers up to some nine million of them. */
export const MOST_DOLLARS = 1_000_000;
export const MOST_TOKENS = 1_000_000_000_000;
export const MOST_REQUESTS = 1_000_000_000;
/** A thousandth of a cent, which is 10,000 of what is counted. */
export const LEAST_DOLLARS = 0.000_01;

const BudgetEntry = Section(
  {
    cost_usd: Type.Optional(
      Type.Number({
        minimum: LEAST_DOLLARS,
        maximum: MOST_DOLLARS,
        description: 'Dollars, by the prices of `models.entries`. Requests to models count, all others cost nothing.',
      }),
    ),
    tokens: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MOST_TOKENS,
        description: 'Tokens of prompts and answers together. Requests to models count, all others use none.',
      }),
    ),
    requests: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_REQUESTS, description: 'Requests of any kind.' })),
    every: Type.Enum(['request', 'day', 'month'], {
      description:
        'When it begins anew: `day` at midnight UTC, `month` on the first of the month UTC. `request`: the most that a single request may come to; one that may come to more is refused with 422.',
    }),
    per: OneOrMany(Per, {
      default: ['consumer'],
      minItems: 1,
      maxItems: 8,
      description: 'Who has a budget of their own, as in `rate_limit`; `global` is one for all.',
    }),
    dry_run: Type.Boolean({ default: false, description: 'Count and report in the metrics, but refuse nothing.' }),
    name: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_.-]{1,64}$',
        description:
          'Name in metrics and in `/v1/usage`. Default: level, unit and period, such as `tier:cost_usd:month`.',
      }),
    ),
  },
  { description: 'One budget: one of `cost_usd`, `tokens` and `requests`.' },
);

export const BudgetSchema = OneOrMany(BudgetEntry, {
  minItems: 1,
  maxItems: 4,
  description:
    'How much may be used of tokens, money or requests by day or month of UTC. What a request may come to at most (its prompt, and its `max_tokens` or else the bound of the model, or 1,024) is reserved before the call, at the price of the dearest model that may answer; afterwards what it really used is counted. Over budget: 429 `BUDGET_EXCEEDED`. A longer stream takes more as it goes, and is ended when there is none. Budgets of settings, tier, consumer, key, service and route all apply.',
});

export type BudgetConfig = Static<typeof BudgetEntry>;

/** The one amount a budget is of. */
export function amountOf(budget: BudgetConfig): { unit: 'cost_usd' | 'tokens' | 'requests'; amount: number } {
  const { cost_usd, tokens, requests } = budget;
  if (cost_usd !== undefined) return { unit: 'cost_usd', amount: cost_usd };
  if (tokens !== undefined) return { unit: 'tokens', amount: tokens };
  return { unit: 'requests', amount: requests ?? 0 };
}

/** A cross-field mistake in one budget, or `undefined`. */
export function checkBudget({ cost_usd, tokens, requests, every }: BudgetConfig): string | undefined {
  const given = [cost_usd, tokens, requests].filter((amount) => amount !== undefined);
  if (given.length !== 1) return 'must name one of cost_usd, tokens and requests';
  if (every === 'request' && requests !== undefined) return 'a single request is always one: write cost_usd or tokens';
  return undefined;
}
