// Room routing: compiles a configuration into a route table, and takes an exchange through its route.
// In it: route lookup, the chain of policies, the chain around the upstream call, configurations in use.
// Never in it: what a policy decides, how a target is called, storage.

import type { GatewayConfig } from '../config/gateway-config.ts';
import { hashSection } from '../config/hash.ts';
import type { Dependencies } from '../policies/policy-dependencies.ts';
import type { MatchedRoute } from '../exchange/exchange.ts';
import type { Plane } from '../edge/plane.ts';
import { once } from '../lib/once.ts';
import { Kind } from '../lib/shelf.ts';
import { CorsRules } from '../policies/cors/cors.policy.ts';
import { writeLimitHeaders } from '../policies/limits/limit-headers.ts';
import { CallerLimits } from './caller-limits.ts';
import { compileRoute } from './compile-route.ts';
import type { Destination } from './destination.ts';
import { OWN_ROUTE, OwnAccess } from './own-access.ts';
import { type RouteEntry, RouteTable } from './route-table.ts';
import { UpstreamService } from './upstream-service.ts';

const OWN: Destination = { kind: 'own' };
/** A service keeps its targets, pools and circuits as long as its section reads the same. */
const SERVICES = new Kind<UpstreamService>('upstream services', (service) => void service.retire());

/** Path patterns the gateway's own endpoints occupy on a plane; no route without a host can take them. */
export type OwnPaths = (plane: Plane, config: GatewayConfig) => readonly string[];

/** Everything compiled from one configuration. */
export interface CompiledConfig {
  readonly config: GatewayConfig;
  readonly services: ReadonlyMap<string, UpstreamService>;
  /** Only the public plane serves routes. */
  readonly tables: Readonly<Record<Plane, RouteTable<Destination>>>;
  /** Represents the gateway's own endpoints in metrics, logs and errors. */
  readonly ownRoute: MatchedRoute;
  readonly ownAccess: OwnAccess;
  /** Cross-origin access to those of them that are not for administration. */
  readonly ownCors: CorsRules | undefined;
  /** Compiled when it is first asked for. */
  readonly callerLimits: () => CallerLimits;
}

/** Compiles a configuration. It opens no connection and starts no timer: that begins when the result goes live. */
export function compileConfig(config: GatewayConfig, ownPaths: OwnPaths, deps: Dependencies): CompiledConfig {
  const services = openServices(config, deps);
  const routes = config.routes.flatMap((route) => compileRoute(route, services, config.settings, deps));
  const own = (plane: Plane): RouteEntry<Destination> => ownEntry([], ownPaths(plane, config));
  // A route with hosts owns its hosts, but administration is never handed over with them.
  const hosts = [...new Set(config.routes.flatMap(({ match }) => match.hosts))];
  const adminOnHosts = hosts.length === 0 ? [] : [ownEntry(hosts, ['/admin/*'])];
  return {
    config,
    services,
    tables: {
      public: new RouteTable([own('public'), ...adminOnHosts, ...routes]),
      admin: new RouteTable([own('admin')]),
      metrics: new RouteTable([own('metrics')]),
    },
    ownRoute: ownRoute(config.settings),
    ownAccess: new OwnAccess(config, deps),
    ownCors: config.settings.cors && new CorsRules(config.settings.cors),
    callerLimits: once(() => new CallerLimits(config, deps)),
  };
}

function ownRoute({ dialect, limit_headers }: GatewayConfig['settings']): MatchedRoute {
  return {
    name: OWN_ROUTE,
    service: OWN_ROUTE,
    dialect,
    decorate: (headers, exchange) => writeLimitHeaders(headers, exchange, dialect, limit_headers),
  };
}

function ownEntry(hosts: readonly string[], paths: readonly string[]): RouteEntry<Destination> {
  return { value: OWN, hosts, paths, methods: [], headers: {} };
}

function openServices(config: GatewayConfig, deps: Dependencies): Map<string, UpstreamService> {
  const services = new Map<string, UpstreamService>();
  const { upstream_header_bytes: headerBytes, connection_age: ageMs } = config.settings.limits;
  const bounds = { headerBytes, ageMs };
  for (const service of Object.values(config.services)) {
    const key = `${service.name} ${hashSection(service)} ${headerBytes} ${ageMs}`;
    services.set(
      service.name,
      deps.shelf.keep(SERVICES, key, () => new UpstreamService(service, deps, bounds)),
    );
  }
  return services;
}
