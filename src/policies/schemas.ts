/** Everything the configuration knows about policies: their schemas, and the short forms they may be written in. */

import { type Static, type TOptional, type TSchema, type TUnsafe, Type } from '../lib/schema-builder.ts';
import { AuthSchema } from './auth/schema.ts';
import { AuthorizeSchema } from './authorize/schema.ts';
import { BodyLimitSchema } from './body-limit/schema.ts';
import { CircuitBreakerSchema } from './circuit-breaker/schema.ts';
import { ConcurrencySchema } from './concurrency/schema.ts';
import { CorsSchema } from './cors/schema.ts';
import { HeadersSchema } from './headers/schema.ts';
import { HealthSchema } from './health/schema.ts';
import { IpSchema } from './ip/schema.ts';
import { IdempotencySchema, IdempotencyShorthand } from './idempotency/schema.ts';
import { BudgetSchema, expandRateLimit, RateLimitSchema } from './limits/schema.ts';
import { PathsSchema } from './paths/schema.ts';
import { RetrySchema } from './retry/schema.ts';
import { StreamSchema } from './stream/schema.ts';
import { TimeoutSchema } from './timeout/schema.ts';

/** A short form: what it looks like, and the long form it stands for. */
export interface Shorthand {
  readonly schema: TSchema;
  readonly matches: (value: unknown) => boolean;
  readonly expand: (value: unknown, rateWindow: unknown) => object;
}

/** Keyed by the YAML key. */
export const POLICY_SCHEMAS = {
  auth: AuthSchema,
  authorize: AuthorizeSchema,
  ip: IpSchema,
  cors: CorsSchema,
  body_limit: BodyLimitSchema,
  concurrency: ConcurrencySchema,
  rate_limit: RateLimitSchema,
  budget: BudgetSchema,
  headers: HeadersSchema,
  paths: PathsSchema,
  idempotency: IdempotencySchema,
  stream: StreamSchema,
  timeout: TimeoutSchema,
  retry: RetrySchema,
  circuit_breaker: CircuitBreakerSchema,
  health: HealthSchema,
} as const;

export type PolicyKey = keyof typeof POLICY_SCHEMAS;

const isNumber = (value: unknown): boolean => typeof value === 'number';

export const SHORTHANDS: { readonly [K in PolicyKey]?: Shorthand } = {
  rate_limit: {
    schema: Type.Integer({ minimum: 1, description: 'Requests per `settings.rate_period`.' }),
    matches: isNumber,
    expand: (limit, window) => expandRateLimit(Number(limit), window),
  },
  concurrency: {
    schema: Type.Integer({ minimum: 1, description: 'Running requests per consumer.' }),
    matches: isNumber,
    expand: (limit) => ({ limit }),
  },
  cors: {
    schema: Type.Array(Type.String(), { description: 'Origins that may read answers.' }),
    matches: Array.isArray,
    expand: (origins) => ({ origins }),
  },
  idempotency: {
    schema: IdempotencyShorthand,
    matches: (value) => value === true,
    expand: () => ({}),
  },
};

/** The optional key of a policy, in long or short form. */
export function policyField<K extends PolicyKey>(key: K): TOptional<TUnsafe<Static<(typeof POLICY_SCHEMAS)[K]>>> {
  return Type.Optional(Type.Unsafe({ ...POLICY_SCHEMAS[key], 'x-policy': key }));
}

/** The same where `false` may be written to switch off what would be inherited. */
export function switchablePolicyField<K extends PolicyKey>(
  key: K,
): TOptional<TUnsafe<Static<(typeof POLICY_SCHEMAS)[K]> | false>> {
  return Type.Optional(Type.Unsafe({ ...POLICY_SCHEMAS[key], 'x-policy': key, 'x-switchable': true }));
}
