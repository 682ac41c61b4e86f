/** Every YAML key of a policy, one line each: from it come types, validation, defaults, the editor schema and the reference. */

import { type Static, type TOptional, type TSchema, type TUnsafe, Type } from '../lib/schema-builder.ts';
import { defaultsOf } from '../lib/schema-defaults.ts';
import { type ByKind, byKind } from '../lib/service-kind.ts';
import { AuthSchema } from './auth/schema.ts';
import { AuthorizeSchema } from './authorize/schema.ts';
import { BodyLimitSchema, DEFAULT_BODY_LIMIT } from './body-limit/schema.ts';
import { CircuitBreakerSchema } from './circuit-breaker/schema.ts';
import { ConcurrencySchema } from './concurrency/schema.ts';
import { CooldownSchema } from './cooldown/schema.ts';
import { CorsSchema } from './cors/schema.ts';
import { DEFAULT_HEADERS, HeadersSchema } from './headers/schema.ts';
import { DEFAULT_HEALTH, HealthSchema } from './health/schema.ts';
import { IdempotencySchema, IdempotencyShorthand } from './idempotency/schema.ts';
import { IpSchema } from './ip/schema.ts';
import { BudgetSchema, expandRateLimit, RateLimitSchema } from './limits/schema.ts';
import { DEFAULT_PATHS, PathsSchema } from './paths/schema.ts';
import { RetrySchema } from './retry/schema.ts';
import { SecurityHeadersSchema, SecurityHeadersShorthand } from './security-headers/schema.ts';
import { DEFAULT_STREAM, StreamSchema } from './stream/schema.ts';
import { DEFAULT_TIMEOUT, TimeoutSchema } from './timeout/schema.ts';

/** A short form: what it looks like, and the long form it stands for. */
export interface Shorthand {
  readonly schema: TSchema;
  readonly matches: (value: unknown) => boolean;
  readonly expand: (value: unknown, rateWindow: unknown) => object;
}

interface PolicySection {
  readonly schema: TSchema;
  /** `routes`: on `defaults`, services and routes. `services`: not on routes, because its state belongs to the targets. */
  readonly on: 'routes' | 'services';
  /** `false` may be written to switch off what would be inherited. */
  readonly off?: true;
  /** What applies where nothing is written. A section that is written is filled up with it. */
  readonly unwritten?: ByKind<unknown>;
}

const always = <S extends TSchema>(schema: S): ByKind<Static<S>> => byKind(() => defaultsOf(schema));

/** Keyed by the YAML key, in the order of the reference. */
export const POLICIES = {
  auth: { schema: AuthSchema, on: 'routes', off: true, unwritten: always(AuthSchema) },
  authorize: { schema: AuthorizeSchema, on: 'routes', off: true, unwritten: always(AuthorizeSchema) },
  ip: { schema: IpSchema, on: 'routes', off: true },
  cors: { schema: CorsSchema, on: 'routes', off: true },
  security_headers: { schema: SecurityHeadersSchema, on: 'routes', off: true },
  body_limit: { schema: BodyLimitSchema, on: 'routes', unwritten: DEFAULT_BODY_LIMIT },
  concurrency: { schema: ConcurrencySchema, on: 'routes', off: true },
  rate_limit: { schema: RateLimitSchema, on: 'routes', off: true },
  budget: { schema: BudgetSchema, on: 'routes', off: true },
  headers: { schema: HeadersSchema, on: 'routes', unwritten: DEFAULT_HEADERS },
  paths: { schema: PathsSchema, on: 'routes', unwritten: DEFAULT_PATHS },
  idempotency: { schema: IdempotencySchema, on: 'routes', off: true },
  stream: { schema: StreamSchema, on: 'routes', unwritten: DEFAULT_STREAM },
  timeout: { schema: TimeoutSchema, on: 'routes', unwritten: DEFAULT_TIMEOUT },
  health: { schema: HealthSchema, on: 'services', off: true, unwritten: DEFAULT_HEALTH },
  retry: { schema: RetrySchema, on: 'services', off: true, unwritten: always(RetrySchema) },
  circuit_breaker: { schema: CircuitBreakerSchema, on: 'services', off: true, unwritten: always(CircuitBreakerSchema) },
  cooldown: { schema: CooldownSchema, on: 'services', off: true, unwritten: always(CooldownSchema) },
} as const satisfies Record<string, PolicySection>;

type Policies = typeof POLICIES;
export type PolicyKey = keyof Policies;
type Place = PolicySection['on'];
/** The keys that may be written in a place. */
export type KeyOn<P extends Place> = { [K in PolicyKey]: Policies[K]['on'] extends P ? K : never }[PolicyKey];

/** A section as the loader leaves it. */
export type Section<K extends PolicyKey> = Static<Policies[K]['schema']>;
type Written<K extends PolicyKey> = Section<K> | (Policies[K] extends { off: true } ? false : never);

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
    schema: Type.Array(Type.String(), { description: 'Origins that may read responses.' }),
    matches: Array.isArray,
    expand: (origins) => ({ origins }),
  },
  security_headers: {
    schema: SecurityHeadersShorthand,
    matches: (value) => value === true,
    expand: () => ({}),
  },
  idempotency: {
    schema: IdempotencyShorthand,
    matches: (value) => value === true,
    expand: () => ({}),
  },
};

/** The optional key of a policy, in long or short form. */
export function policyField<K extends PolicyKey>(key: K): TOptional<TUnsafe<Section<K>>> {
  return Type.Optional(Type.Unsafe({ ...POLICIES[key].schema, 'x-policy': key }));
}

/** The keys of all policies that may be written in a place, each optional and in long or short form. */
export function policyFields<P extends Place>(place: P): { [K in KeyOn<P>]: TOptional<TUnsafe<Written<K>>> } {
  const fields = keysOn(place).map((key) => {
    const { schema, ...section }: PolicySection = POLICIES[key];
    return [
      key,
      Type.Optional(Type.Unsafe({ ...schema, 'x-policy': key, ...(section.off && { 'x-switchable': true }) })),
    ];
  });
  return Object.fromEntries(fields);
}

export function keysOn<P extends Place>(place: P): readonly KeyOn<P>[] {
  return (Object.keys(POLICIES) as PolicyKey[]).filter((key): key is KeyOn<P> => POLICIES[key].on === place);
}
