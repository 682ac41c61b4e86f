import type { Dialect } from '../errors/dialect.ts';
import type { ServiceKind } from '../lib/service-kind.ts';
import type { ModelRoutingConfig } from '../llm/schema.ts';
import type { AuthConfig } from '../policies/auth/schema.ts';
import type { AuthorizeConfig } from '../policies/authorize/schema.ts';
import type { ConcurrencyLine } from '../policies/concurrency/schema.ts';
import type { HeadersConfig } from '../policies/headers/schema.ts';
import type { BudgetConfig, LimitLevelConfig, RateLimitConfig } from '../policies/limits/schema.ts';
import type { PathsConfig } from '../policies/paths/schema.ts';
import type { StreamConfig } from '../policies/stream/schema.ts';
import type { TimeoutConfig } from '../policies/timeout/schema.ts';
import type { KeyOn, Section } from '../policies/schemas.ts';
import type { ModelsFields, ServiceFields, TargetConfig } from './schema.ts';
import type { Settings } from './settings-schema.ts';
import type { JwtConfig } from './token-schema.ts';

/**
 * The effective configuration: what the file, its defaults and the environment add up to, with nothing left to look up.
 * Deep-frozen; durations are milliseconds, sizes are bytes. A reload makes a new one.
 */
export interface GatewayConfig {
  /** SHA-256 of the effective configuration in hexadecimal, with secrets left out: safe to show. */
  readonly hash: string;
  readonly settings: Settings;
  readonly tiers: Readonly<Record<string, TierConfig>>;
  readonly consumers: readonly ConsumerConfig[];
  readonly auth: { readonly jwt: JwtConfig };
  /** Enabled services by name. */
  readonly services: Readonly<Record<string, ServiceConfig>>;
  /** Enabled routes, implied ones included. */
  readonly routes: readonly RouteConfig[];
}

/** `false` where a policy does nothing. */
export type ServicePolicies = { readonly [K in KeyOn<'services'>]: Section<K> | false };

export interface ServiceConfig extends ServicePolicies {
  readonly name: string;
  readonly kind: ServiceKind;
  /** At least one. */
  readonly targets: readonly TargetConfig[];
  readonly balance: NonNullable<ServiceFields['balance']>;
  /** On llm and embeddings; `undefined` where every name of a model is passed on. */
  readonly models: ModelsFields | undefined;
  readonly operations: readonly string[] | undefined;
  readonly timeout: TimeoutConfig;
}

export interface RouteConfig {
  /** Unique. Implied routes are named after their service. */
  readonly name: string;
  /** `undefined` exactly when `redirect` or `respond` is given. */
  readonly service: string | undefined;
  readonly kind: ServiceKind;
  /** True for routes nobody wrote: `/<service>/*` and the standard paths of a kind. */
  readonly implied: boolean;
  readonly match: {
    /** Lower-case; empty = any. */
    readonly hosts: readonly string[];
    /** Empty = all. */
    readonly methods: readonly string[];
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly paths: readonly RoutePath[];
  readonly dialect: Dialect;
  /** For paths of the Messages API, whose clients know the errors of that API: another one on llm unless `dialect` is written. */
  readonly messages_dialect: Dialect;
  /** On llm and embeddings: a leading `/v1` left after the rewrite is dropped, because the target's base path has its own. */
  readonly operation: boolean;
  readonly redirect: { readonly to: string; readonly status: number } | undefined;
  readonly respond:
    | { readonly status: number; readonly body: string; readonly content_type?: string | undefined }
    | undefined;
  readonly policies: RoutePolicies;
}

/** One pattern of a route and what becomes of the path before it is put after the target's base path. */
export interface RoutePath {
  /** `/a`, `/a/*` (which takes `/a` too), `/a/:name`. */
  readonly pattern: string;
  readonly strip_prefix: string | undefined;
  readonly rewrite_path: string | undefined;
}

/** Policies whose effective configuration says more than what is written. */
interface CombinedPolicies {
  readonly auth: AuthConfig | false;
  /** `undefined` only where nobody is authenticated: everywhere else the rights of the credential are checked. */
  readonly authorize: AuthorizeConfig | undefined;
  /** `undefined` on http, where the gateway does not read the body. */
  readonly model_routing: ModelRoutingConfig | undefined;
  /** Lines of the service and of the route; empty for none. */
  readonly concurrency: readonly ConcurrencyLine[];
  /** Levels in the order settings, tiers, service, route; empty for none. All tiers: a request meets its caller's. */
  readonly limits: readonly LimitLevelConfig[];
  readonly timeout: TimeoutConfig;
  readonly body_limit: number;
  readonly headers: HeadersConfig;
  readonly paths: PathsConfig;
  readonly stream: StreamConfig;
}

/** What the innermost layer writes decides alone; `undefined` where no layer writes it, or it is switched off. */
type InheritedPolicies = {
  readonly [K in Exclude<KeyOn<'routes'>, keyof CombinedPolicies | 'rate_limit' | 'budget'>]: Section<K> | undefined;
};

export type RoutePolicies = CombinedPolicies & InheritedPolicies;

/** A plan. */
export interface TierConfig {
  readonly rate_limit?: RateLimitConfig | undefined;
  readonly budget?: readonly BudgetConfig[] | undefined;
}

export interface ConsumerConfig {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly tier: string | undefined;
  readonly permissions: readonly string[];
  readonly models: readonly string[] | undefined;
  readonly rate_limit: RateLimitConfig | undefined;
  readonly budget: readonly BudgetConfig[] | undefined;
  readonly keys: readonly {
    readonly id: string;
    /** SHA-256 of the key, 64 lower-case hexadecimal digits. */
    readonly hash: string;
    /** Epoch milliseconds. */
    readonly expires_at: number | undefined;
    readonly rate_limit: RateLimitConfig | undefined;
    readonly budget: readonly BudgetConfig[] | undefined;
    readonly scopes: readonly string[] | undefined;
    readonly models: readonly string[] | undefined;
    readonly routes: readonly string[] | undefined;
    readonly addresses: readonly string[] | undefined;
  }[];
}
