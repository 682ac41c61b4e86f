/** How settings combine: defaults < service < route, timeouts field by field, limits and concurrency added up. */

import { type AuthConfig, AuthSchema } from '../policies/auth/schema.ts';
import { type AuthorizeConfig, AuthorizeSchema } from '../policies/authorize/schema.ts';
import type { ConcurrencyConfig, ConcurrencyLine } from '../policies/concurrency/schema.ts';
import { HeadersSchema, type HeadersConfig } from '../policies/headers/schema.ts';
import { gatewayLevels, type LimitLevelConfig, NO_LIMITS } from '../policies/limits/schema.ts';
import { PathsSchema, type PathsConfig } from '../policies/paths/schema.ts';
import { StreamSchema, type StreamConfig } from '../policies/stream/schema.ts';
import type { TimeoutConfig, TimeoutFields } from '../policies/timeout/schema.ts';
import type { RouteConfig, RoutePolicies, ServiceKind, TierConfig } from './gateway-config.ts';
import { KIND_DEFAULTS } from './kind-defaults.ts';
import type { ModelsFields, RoutePolicyFields } from './schema.ts';
import { defaultsOf } from './schema-defaults.ts';

/** What applies to one route, outermost first. A part that is missing inherits. */
export interface Layers {
  readonly kind: ServiceKind;
  readonly settings: TierConfig;
  readonly tiers: Readonly<Record<string, TierConfig>>;
  /** `undefined` for a route without a service. */
  readonly service:
    | {
        readonly name: string;
        readonly defaults: RoutePolicyFields;
        readonly own: RoutePolicyFields;
        readonly models: ModelsFields | undefined;
      }
    | undefined;
  /** `undefined` for an implied route. */
  readonly route: { readonly name: string; readonly own: RoutePolicyFields } | undefined;
}

const BUILT_IN_AUTH = defaultsOf(AuthSchema) as AuthConfig;
const BUILT_IN_AUTHORIZE = defaultsOf(AuthorizeSchema) as AuthorizeConfig;

/** One object per kind, shared by all routes that write nothing of their own: a file may have thousands. */
const BUILT_IN = {
  http: builtInOf('http'),
  llm: builtInOf('llm'),
  embeddings: builtInOf('embeddings'),
};

function builtInOf(kind: ServiceKind): Pick<RoutePolicies, 'headers' | 'paths' | 'stream'> {
  const { forward_identity, encoded_slash, keep_alive } = KIND_DEFAULTS[kind];
  const headers = defaultsOf(HeadersSchema) as Omit<HeadersConfig, 'forward_identity'>;
  const paths = defaultsOf(PathsSchema) as Omit<PathsConfig, 'encoded_slash'>;
  const stream = defaultsOf(StreamSchema) as Omit<StreamConfig, 'keep_alive'>;
  return {
    headers: { forward_identity, ...headers },
    paths: { encoded_slash, ...paths },
    stream: { keep_alive, ...stream },
  };
}

export function effectivePolicies(layers: Layers): RoutePolicies {
  const { kind } = layers;
  const { headers, paths, stream } = BUILT_IN[kind];
  const written = inherited(layers);
  const authorize = written('authorize');
  const models = layers.service?.models;
  const auth = written('auth') ?? (layers.service ? BUILT_IN_AUTH : false);
  return {
    cors: written('cors') || undefined,
    ip: written('ip') || undefined,
    auth,
    authorize: authorize || (auth ? BUILT_IN_AUTHORIZE : undefined),
    model_routing: kind === 'http' ? undefined : { models, routeModels: (authorize || BUILT_IN_AUTHORIZE).models },
    body_limit: written('body_limit') ?? KIND_DEFAULTS[kind].body_limit,
    concurrency: concurrencyLines(layers),
    limits: limitLevels(layers),
    headers: filled(headers, written('headers')),
    idempotency: written('idempotency') || undefined,
    paths: filled(paths, written('paths')),
    stream: filled(stream, written('stream')),
    timeout: effectiveTimeout(
      kind,
      fieldsOf(layers).map((fields) => fields.timeout),
    ),
  };
}

/** A dialect that is written holds for every path. */
export function effectiveDialects(layers: Layers): Pick<RouteConfig, 'dialect' | 'messages_dialect'> {
  const written = inherited(layers)('dialect');
  if (written) return { dialect: written, messages_dialect: written };
  const { dialect, messages_dialect } = KIND_DEFAULTS[layers.kind];
  return { dialect, messages_dialect };
}

/** `written` from outermost to innermost; event streams wait longer than other bodies unless `idle` is written. */
export function effectiveTimeout(kind: ServiceKind, written: readonly (TimeoutFields | undefined)[]): TimeoutConfig {
  const builtIn = KIND_DEFAULTS[kind].timeout;
  if (written.every((fields) => fields === undefined)) return builtIn;
  const fields: TimeoutFields = Object.assign({}, ...written);
  return { ...builtIn, ...fields, idle_streamed: fields.idle ?? builtIn.idle_streamed };
}

/** A written section with what it leaves to the kind of the service. */
function filled<T extends object>(builtIn: T, written: Partial<T> | undefined): T {
  return written === undefined ? builtIn : { ...builtIn, ...written };
}

/** Outermost first. */
function fieldsOf({ service, route }: Layers): RoutePolicyFields[] {
  return [service?.defaults ?? {}, service?.own ?? {}, route?.own ?? {}];
}

/** Reads a policy that the innermost layer decides whole. */
function inherited(layers: Layers): <K extends keyof RoutePolicyFields>(key: K) => RoutePolicyFields[K] | undefined {
  const fields = fieldsOf(layers);
  return (key) => fields.findLast((layer) => layer[key] !== undefined)?.[key];
}

function limitLevels(layers: Layers): LimitLevelConfig[] {
  const { settings, tiers, service, route } = layers;
  const levels = gatewayLevels(settings, tiers);
  const ofService = writtenLevel(additive('rate_limit', layers), additive('budget', layers));
  if (service && ofService) levels.push({ level: 'service', id: service.name, ...ofService });
  if (service) levels.push(...modelLevels(service));
  const ofRoute = writtenLevel(route?.own.rate_limit, route?.own.budget);
  if (route && ofRoute) levels.push({ level: 'route', id: route.name, ...ofRoute });
  return levels;
}

function writtenLevel(
  rateLimit: RoutePolicyFields['rate_limit'],
  budget: RoutePolicyFields['budget'],
): Pick<LimitLevelConfig, 'rate_limit' | 'budget'> | undefined {
  if (!rateLimit && !budget) return undefined;
  return { rate_limit: rateLimit || NO_LIMITS, ...(budget && { budget }) };
}

function modelLevels({ name, models }: NonNullable<Layers['service']>): LimitLevelConfig[] {
  return Object.entries(models?.entries ?? {}).flatMap(([model, { rate_limit }]) =>
    rate_limit ? [{ level: 'model', id: `${name}/${model}`, model, rate_limit }] : [],
  );
}

function concurrencyLines(layers: Layers): ConcurrencyLine[] {
  const { service, route } = layers;
  const lines: ConcurrencyLine[] = [];
  const ofService: ConcurrencyConfig | false | undefined = additive('concurrency', layers);
  if (service && ofService) lines.push({ ...ofService, level: 'service', id: service.name });
  const ofRoute = route?.own.concurrency;
  if (route && ofRoute) lines.push({ ...ofRoute, level: 'route', id: route.name });
  return lines;
}

/** The service's own lines, else those it inherits; `false` on service or route removes what is inherited only. */
function additive<K extends 'rate_limit' | 'budget' | 'concurrency'>(
  key: K,
  { service, route }: Layers,
): RoutePolicyFields[K] | undefined {
  if (service?.own[key] !== undefined) return service.own[key];
  return route?.own[key] === false ? undefined : service?.defaults[key];
}
