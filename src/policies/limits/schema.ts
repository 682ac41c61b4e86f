import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, OneOrMany, Section } from '../../lib/schema-atoms.ts';
import { type BudgetConfig, MOST_DOLLARS, MOST_REQUESTS, MOST_TOKENS } from './budget-schema.ts';
import { Per } from './schema-words.ts';

/** 366 days: bounds what a store must remember, and keeps the arithmetic exact. */
const LONGEST_PERIOD = 31_622_400_000;

const Count = Type.Enum(['requests', 'tokens', 'cost_usd'], {
  default: 'requests',
  description:
    'What `limit` counts: `requests`; `tokens` of prompts and answers; `cost_usd`, dollars by the prices of `models.entries`. Tokens and dollars are counted of requests to models only: what one may come to is reserved, and corrected once its answer is known. They are counted strictly, whatever `mode` says.',
});

const Algorithm = Type.Enum(['sliding_window', 'token_bucket', 'fixed_window'], {
  default: 'sliding_window',
  description:
    '`sliding_window`: never more than `limit` in any span of length `window`. `token_bucket`: refills evenly, up to `burst` at once. `fixed_window`: starts anew at every whole multiple of `window` (UTC), so up to twice the limit can pass around that moment.',
});

const Mode = Type.Enum(['auto', 'strict', 'leased'], {
  default: 'auto',
  description:
    'Where a request is counted when several gateways share a store. `strict`: every request in the store. `leased`: callers in a hurry have units taken in advance, which the gateway spends without asking; unused ones go back within a second. Never more is admitted than `strict` would; at most one batch per gateway, what a caller uses in a hundredth of the window or in a second, may go unused near the limit. `auto`: leased for limits of 100 and more, strict for smaller ones. Windows below 500 ms are always strict. On a Redis Cluster, limits that several consumers share are always leased.',
});

const LimitClaim = Section(
  {
    claim: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'Name of the claim, as the issuer of the token maps it. What is not a number is ignored.',
    }),
    max: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: MOST_TOKENS,
        description: 'The most a claim is worth; a higher one counts as this much. Default: `limit`.',
      }),
    ),
  },
  { description: 'Lets the claim of a token lower the limit for its bearer; no claim ever raises it.' },
);

const LimitSchema = Section(
  {
    limit: Type.Number({
      exclusiveMinimum: 0,
      maximum: MOST_TOKENS,
      description: 'Requests allowed per `window`, or what else `count` says. Only dollars have fractions.',
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
      description: 'All of them apply, and a request they refuse is charged on none.',
    }),
  },
  {
    description:
      'How many requests are let through. A number alone is that many requests per `settings.rate_period`, per consumer. Limits of settings, tier, consumer, key, service and route all apply.',
  },
);

export type LimitConfig = Static<typeof LimitSchema>;
export type RateLimitConfig = Static<typeof RateLimitSchema>;

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
