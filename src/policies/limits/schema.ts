import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, OneOrMany, Section } from '../../lib/schema-atoms.ts';

/** 366 days: bounds what a store must remember, and keeps the arithmetic exact. */
const LONGEST_PERIOD = 31_622_400_000;

/** Keeps what is counted exact: billionths of a dollar are whole numbers up to some nine million of them. */
const MOST_DOLLARS = 1_000_000;
const MOST_TOKENS = 1_000_000_000_000;
const MOST_REQUESTS = 1_000_000_000;
/** A thousandth of a cent, which is 10,000 of what is counted. */
const LEAST_DOLLARS = 0.000_01;

/** How a count is split, in limits and budgets alike. */
const Per = Type.Enum(['consumer', 'credential', 'ip', 'tier', 'lob', 'model', 'route', 'service', 'global'], {
  description:
    'What gets a count of its own: each `consumer`, each `credential` (one key of a consumer), each client address (`ip`), each `tier`, each line of business (`lob`), each `model` of a catalogue that is asked for (all other requests share a count), each `route`, each `service`; `global` does not split. All callers without a tier or line of business share a count.',
});

const Count = Type.Enum(['requests', 'tokens', 'cost_usd'], {
  default: 'requests',
  description:
    'What `limit` counts: `requests`; `tokens` of prompts and answers; `cost_usd`, dollars by the prices of `models.entries`. Tokens and dollars are counted of requests to models only: what one may come to is reserved, and corrected once its answer is known. They are counted strictly, whatever `mode` says.',
});

const Algorithm = Type.Enum(['sliding_window', 'token_bucket', 'fixed_window'], {
  default: 'sliding_window',
  description:
    '`sliding_window`: never more than `limit` in any span of length `window`. `token_bucket`: refills evenly, up to `burst` at once. `fixed_window`: restarts at every multiple of `window` (UTC), so up to twice the limit can pass around that moment.',
});

const Mode = Type.Enum(['auto', 'strict', 'leased'], {
  default: 'auto',
  description:
    'Where a request is counted when several gateways share a store. `strict`: every request in the store. `leased`: callers in a hurry have units taken in advance, which the gateway spends without asking; unused ones go back within a second. Never more is admitted than `strict` would; at most one batch per gateway, what a caller uses in a hundredth of the window or in a second, may go unused near the limit. `auto`: leased for limits of 1,000 and more, strict for smaller ones. Windows below 500 ms are always strict. On a Redis Cluster, limits that several consumers share are always leased.',
});

const LimitClaim = Section(
  {
    claim: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'Name of the claim, as mapped for the issuer of the token. A value that is not a number is ignored.',
    }),
    max: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: MOST_TOKENS,
        description: 'Upper bound of the claim; a higher value counts as this. Default: `limit`.',
      }),
    ),
  },
  { description: 'Lets a claim of a token lower the limit for its bearer. No claim raises it.' },
);

const LimitSchema = Section(
  {
    limit: Type.Number({
      exclusiveMinimum: 0,
      maximum: MOST_TOKENS,
      description: 'Requests (or the unit of `count`) allowed per `window`. Only dollars may have fractions.',
    }),
    count: Count,
    window: Duration({
      minimum: '100ms',
      maximum: '366d',
      description: 'The period the limit is counted over, from 100 ms to 366 days.',
    }),
    per: OneOrMany(Per, {
      default: ['consumer'],
      minItems: 1,
      maxItems: 8,
      description:
        'How the count is split. Where the limit is written says what it counts over: settings, tier, consumer and key across the gateway, a service across its routes, a model across them too, a route that route. Without a consumer the client address stands in (IPv6 by /64).',
    }),
    algorithm: Algorithm,
    burst: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: MOST_TOKENS,
        description: 'Only for `token_bucket`: requests that may come at once. Default: `limit`.',
      }),
    ),
    mode: Mode,
    dry_run: Type.Boolean({
      default: false,
      description: 'Count and report in the metrics, but refuse nothing.',
    }),
    limit_claim: Type.Optional(LimitClaim),
    name: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_.-]{1,64}$',
        description:
          'Name of the limit in metrics and headers. Default: its level and window, such as `service:1m` or `service:tokens:1m`.',
      }),
    ),
  },
  { description: 'One limit.' },
);

export const RateLimitSchema = Section(
  {
    limits: Type.Array(LimitSchema, {
      minItems: 1,
      maxItems: 16,
      description: 'All of them apply. A refused request is charged to none.',
    }),
  },
  {
    description:
      'How many requests are allowed. A number alone is that many requests per `settings.rate_period`, per consumer. Limits of settings, tier, consumer, key, service and route all apply.',
  },
);

export type LimitConfig = Static<typeof LimitSchema>;
export type RateLimitConfig = Static<typeof RateLimitSchema>;

const BudgetEntry = Section(
  {
    cost_usd: Type.Optional(
      Type.Number({
        minimum: LEAST_DOLLARS,
        maximum: MOST_DOLLARS,
        description: 'Dollars, by the prices of `models.entries`. Only requests to models cost anything.',
      }),
    ),
    tokens: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MOST_TOKENS,
        description: 'Tokens of prompts and answers together. Only requests to models use any.',
      }),
    ),
    requests: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_REQUESTS, description: 'Requests of any kind.' })),
    every: Type.Enum(['request', 'day', 'month'], {
      description:
        'When it resets: `day` at midnight UTC, `month` on the first of the month UTC. `request`: the most that a single request may use; one that may use more is refused with 422.',
    }),
    per: OneOrMany(Per, {
      default: ['consumer'],
      minItems: 1,
      maxItems: 8,
      description: 'Who has a separate budget, as in `rate_limit`; `global` is one budget for all.',
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
    'Daily or monthly budget in tokens, dollars or requests. Periods follow the UTC calendar. What a request may come to at most (its prompt, and its `max_tokens` or else the bound of the model, or 1,024) is reserved before the call, at the price of the dearest model that may answer; afterwards what it really used is counted. Over budget: 429 `BUDGET_EXCEEDED`. A longer stream takes more as it goes, and is ended when there is none. Budgets of settings, tier, consumer, key, service and route all apply.',
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

/** The limits of one level that applies to a route. */
export interface LimitLevelConfig {
  readonly level: 'settings' | 'tier' | 'service' | 'model' | 'route';
  /** Name of the tier, service or route; empty for settings. A tier's limits apply to its consumers only. */
  readonly id: string;
  /** On the level of a model its name, and `id` names its service too. They apply to requests for it only. */
  readonly model?: string | undefined;
  readonly rate_limit: RateLimitConfig;
  readonly budget?: readonly BudgetConfig[] | undefined;
}

/** Keeps the name of a tier that has no limits: a caller on it is not on an unknown one. */
export const NO_LIMITS: RateLimitConfig = { limits: [] };

/** What one place of the configuration says of limits. */
interface Written {
  readonly rate_limit?: RateLimitConfig | undefined;
  readonly budget?: readonly BudgetConfig[] | undefined;
}

/** The levels that apply everywhere: the settings', and of the tiers the caller's. */
export function gatewayLevels(settings: Written, tiers: Readonly<Record<string, Written>>): LimitLevelConfig[] {
  const levels: LimitLevelConfig[] = [];
  if (settings.rate_limit || settings.budget) levels.push({ level: 'settings', id: '', ...written(settings) });
  for (const [id, tier] of Object.entries(tiers)) levels.push({ level: 'tier', id, ...written(tier) });
  return levels;
}

function written({ rate_limit = NO_LIMITS, budget }: Written): Pick<LimitLevelConfig, 'rate_limit' | 'budget'> {
  return { rate_limit, ...(budget && { budget }) };
}

/** The long form of the shorthand `rate_limit: 100`; `window` is passed on as written in `settings.rate_period`. */
export function expandRateLimit(limit: number, window: unknown): { limits: { limit: number; window: unknown }[] } {
  return { limits: [{ limit, window }] };
}

/** A cross-field mistake in one limit, or `undefined`. */
export function checkLimit(config: LimitConfig): string | undefined {
  const amounts = [config.limit, config.burst, config.limit_claim?.max].filter((amount) => amount !== undefined);
  const mistake = amounts.map((amount) => checkAmount(amount, config)).find((found) => found !== undefined);
  if (mistake !== undefined) return mistake;
  if (config.burst !== undefined && config.algorithm !== 'token_bucket')
    return 'burst has a meaning only with algorithm: token_bucket';
  if (config.burst !== undefined && (config.burst / config.limit) * config.window > LONGEST_PERIOD)
    return 'burst would take more than 366 days to refill';
  return undefined;
}

/** Where the arithmetic of a bucket of billionths of a dollar, a thousand times finer still, ends. */
const MOST_DOLLARS_IN_BUCKET = 1_000;

function checkAmount(amount: number, { count, algorithm }: LimitConfig): string | undefined {
  if (count !== 'cost_usd') {
    if (!Number.isInteger(amount)) return 'only dollars (count: cost_usd) have fractions';
    if (count !== 'tokens' && amount > MOST_REQUESTS) return `must be at most ${MOST_REQUESTS} requests`;
    return undefined;
  }
  const most = algorithm === 'token_bucket' ? MOST_DOLLARS_IN_BUCKET : MOST_DOLLARS;
  return amount > most ? `must be at most ${most} dollars with algorithm: ${algorithm}` : undefined;
}
