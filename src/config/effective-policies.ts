/** How settings combine: defaults < service < route, timeouts field by field, limits and concurrency added up. */

import type { ServiceKind } from '../lib/service-kind.ts';
import type { AuthConfig } from '../policies/auth/schema.ts';
import type { AuthorizeConfig } from '../policies/authorize/schema.ts';
import type { ConcurrencyConfig, ConcurrencyLine } from '../policies/concurrency/schema.ts';
import { gatewayLevels, type LimitLevelConfig, NO_LIMITS } from '../policies/limits/schema.ts';
import { type KeyOn, keysOn } from '../policies/schemas.ts';
import { DEFAULT_TIMEOUT, type TimeoutConfig, type TimeoutFields } from '../policies/timeout/schema.ts';
import type { RouteConfig, RoutePolicies, ServicePolicies, TierConfig } from './gateway-config.ts';
import { DEFAULT_DIALECTS, unwritten } from './kind-defaults.ts';
import type { RoutePolicyFields, ServiceFields, ServicePolicyFields } from './schema.ts';

type ModelFields = Pick<ServiceFields, 'models' | 'operations' | 'unmetered'>;

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
        readonly own: RoutePolicyFields & ModelFields;
      }
    | undefined;
  /** `undefined` for an implied route. */
  readonly route: { readonly name: string; readonly own: RoutePolicyFields } | undefined;
}

/** Their parts stand on several levels and are combined below. */
const COMBINED: readonly KeyOn<'routes'>[] = ['auth', 'authorize', 'concurrency', 'rate_limit', 'budget', 'timeout'];
const INHERITED = keysOn('routes').filter((key) => !COMBINED.includes(key));

export function effectivePolicies(layers: Layers): RoutePolicies {
  const { kind } = layers;
  const written = inherited(layers);
  const builtInAuthorize = unwritten('authorize', kind) as AuthorizeConfig;
  const authorize = written('authorize');
  const { models, operations, unmetered } = layers.service?.own ?? {};
  const routeModels = (authorize || builtInAuthorize).models;
  const auth = written('auth') ?? (layers.service ? (unwritten('auth', kind) as AuthConfig) : false);
  return {
    ...inheritedPolicies(kind, written),
    auth,
    authorize: authorize || (auth ? builtInAuthorize : undefined),
    model_routing: kind === 'http' ? undefined : { models, routeModels, operations, unmetered },
    concurrency: concurrencyLines(layers),
    limits: limitLevels(layers),
    timeout: effectiveTimeout(
      kind,
      fieldsOf(layers).map((fields) => fields.timeout),
    ),
  };
}

type Inherited = Omit<RoutePolicies, 'auth' | 'authorize' | 'model_routing' | 'concurrency' | 'limits' | 'timeout'>;

function inheritedPolicies(kind: ServiceKind, written: ReturnType<typeof inherited>): Inherited {
  const policies: Partial<Record<keyof RoutePolicies, unknown>> = {};
  for (const key of INHERITED) policies[key as keyof Inherited] = filled(key, kind, written(key));
  return policies as Inherited;
}

/** The policies whose state belongs to the targets, from what `defaults` and the service write. */
export function effectiveServicePolicies(
  kind: ServiceKind,
  defaults: ServicePolicyFields,
  own: ServicePolicyFields,
): ServicePolicies {
  const entries = keysOn('services').map((key) => [key, filled(key, kind, own[key] ?? defaults[key]) ?? false]);
  return Object.fromEntries(entries) as ServicePolicies;
}

/** A dialect that is written holds for every path. */
export function effectiveDialects(layers: Layers): Pick<RouteConfig, 'dialect' | 'messages_dialect'> {
  const written = inherited(layers)('dialect');
  if (written) return { dialect: written, messages_dialect: written };
  return DEFAULT_DIALECTS[layers.kind];
}

/** `written` from outermost to innermost; event streams wait longer than other bodies unless `idle` is written. */
export function effectiveTimeout(kind: ServiceKind, written: readonly (TimeoutFields | undefined)[]): TimeoutConfig {
  const builtIn = DEFAULT_TIMEOUT[kind];
  if (written.every((fields) => fields === undefined)) return builtIn;
  const fields: TimeoutFields = Object.assign({}, ...written);
  return { ...builtIn, ...fields, idle_streamed: fields.idle ?? builtIn.idle_streamed };
}

/** A written section, filled up with what it leaves to the kind of the service. */
function filled(key: KeyOn<'routes' | 'services'>, kind: ServiceKind, written: unknown): unknown {
  const builtIn = unwritten(key, kind);
  if (written === undefined) return builtIn;
  if (written === false) return undefined;
  return typeof builtIn === 'object' && typeof written === 'object' ? { ...builtIn, ...written } : written;
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

function modelLevels({ name, own }: NonNullable<Layers['service']>): LimitLevelConfig[] {
  return Object.entries(own.models?.entries ?? {}).flatMap(([model, { rate_limit }]) =>
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
