import type { Path } from './config-error.ts';
import {
  effectiveDialects,
  effectivePolicies,
  effectiveServicePolicies,
  effectiveTimeout,
  type Layers,
} from './effective-policies.ts';
import type { ConsumerConfig, GatewayConfig, RouteConfig, RoutePath, ServiceConfig } from './gateway-config.ts';
import { hashForDisplay } from './hash.ts';
import { impliedPaths } from './implied-routes.ts';
import { type ConfigFile, type ConsumerFields, type RouteFields, type ServiceFields, TargetSchema } from './schema.ts';
import { defaultsOf } from '../lib/schema-defaults.ts';

const TARGET_DEFAULTS = defaultsOf(TargetSchema);

export interface Expanded {
  readonly config: GatewayConfig;
  /** Where each route is written: itself, or the service that implies it. */
  readonly sources: ReadonlyMap<RouteConfig, Path>;
}

/** Turns a checked file into the effective configuration, frozen. Parked services and routes are gone from it. */
export function expandConfig(file: ConfigFile): Expanded {
  const services: Record<string, ServiceConfig> = {};
  const sources = new Map<RouteConfig, Path>();
  const enabled = Object.entries(file.services).filter(([, fields]) => fields.enabled);
  const paths = impliedPaths(file);
  for (const [name, fields] of enabled) {
    services[name] = expandService(name, fields, file);
    const implied = paths.get(name);
    if (implied) sources.set(impliedRoute(name, implied, file), ['services', name]);
  }
  file.routes.forEach((fields, i) => {
    const isServed = fields.service === undefined || Object.hasOwn(services, fields.service);
    if (fields.enabled && isServed) sources.set(expandRoute(fields, file), ['routes', i]);
  });
  const config: GatewayConfig = {
    hash: hashForDisplay(file),
    settings: effectiveSettings(file),
    tiers: file.tiers,
    consumers: file.consumers.map(expandConsumer),
    auth: file.auth,
    services,
    routes: [...sources.keys()],
  };
  return { config: deepFreeze(config), sources };
}

/** The gateway's own endpoints are open to the same pages as its services, unless the settings say otherwise. */
function effectiveSettings({ settings, defaults }: ConfigFile): ConfigFile['settings'] {
  const cors = settings.cors ?? (defaults.cors || undefined);
  return cors === undefined ? settings : { ...settings, cors };
}

function expandService(name: string, fields: ServiceFields, { defaults }: ConfigFile): ServiceConfig {
  return {
    name,
    kind: fields.kind,
    targets: fields.targets ?? [{ ...TARGET_DEFAULTS, url: fields.url as string }],
    balance: fields.balance ?? defaults.balance ?? 'round_robin',
    models: fields.models,
    operations: fields.operations,
    ...effectiveServicePolicies(fields.kind, defaults, fields),
    timeout: effectiveTimeout(fields.kind, [defaults.timeout, fields.timeout]),
  };
}

function layersOf(file: ConfigFile, service: string | undefined, route: RouteFields | undefined): Layers {
  const own = service === undefined ? undefined : file.services[service];
  return {
    kind: own?.kind ?? 'http',
    settings: effectiveSettings(file),
    tiers: file.tiers,
    service: own && { name: service as string, defaults: file.defaults, own },
    route: route && { name: route.name, own: route },
  };
}

function impliedRoute(service: string, paths: readonly RoutePath[], file: ConfigFile): RouteConfig {
  const layers = layersOf(file, service, undefined);
  return {
    name: service,
    service,
    kind: layers.kind,
    implied: true,
    match: { hosts: [], methods: [], headers: {} },
    paths,
    ...effectiveDialects(layers),
    operation: layers.kind !== 'http',
    redirect: undefined,
    respond: undefined,
    policies: effectivePolicies(layers),
  };
}

function expandRoute(fields: RouteFields, file: ConfigFile): RouteConfig {
  const layers = layersOf(file, fields.service, fields);
  const { path, methods, hosts, headers } = fields.match;
  return {
    name: fields.name,
    service: fields.service,
    kind: layers.kind,
    implied: false,
    match: {
      hosts: hosts.map((host) => host.toLowerCase()),
      methods,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    },
    paths: [path, ...fields.also].map((pattern) => ({
      pattern,
      strip_prefix: fields.rewrite?.strip_prefix,
      rewrite_path: fields.rewrite?.path,
    })),
    ...effectiveDialects(layers),
    operation: layers.kind !== 'http',
    redirect: fields.redirect,
    respond: fields.respond,
    policies: effectivePolicies(layers),
  };
}

function expandConsumer(fields: ConsumerFields): ConsumerConfig {
  return {
    id: fields.id,
    name: fields.name ?? fields.id,
    enabled: fields.enabled,
    tier: fields.tier,
    permissions: fields.permissions,
    models: fields.models,
    rate_limit: fields.rate_limit,
    budget: fields.budget,
    keys: fields.keys.map((key) => {
      const hash = key.hash.slice('sha256:'.length).toLowerCase();
      const {
        id = `key_${hash.slice(0, 12)}`,
        expires_at,
        rate_limit,
        budget,
        scopes,
        models,
        routes,
        addresses,
      } = key;
      return { id, hash, expires_at, rate_limit, budget, scopes, models, routes, addresses };
    }),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const below of Object.values(value)) deepFreeze(below);
  return value;
}
