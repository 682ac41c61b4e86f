import type { ServiceKind } from '../lib/service-kind.ts';
import type { RoutePath } from './gateway-config.ts';
import type { ConfigFile } from './schema.ts';

/** The paths a kind of service is known by, when there is one service of that kind to lead to. */
const STANDARD_PATHS = {
  llm: [
    { pattern: '/v1/*', strip_prefix: undefined, rewrite_path: undefined },
    { pattern: '/api/v1/chat/completions', strip_prefix: '/api', rewrite_path: undefined },
    { pattern: '/api/v1/chat/completions/stream', strip_prefix: '/api', rewrite_path: undefined },
    { pattern: '/api/v1/chat/models', strip_prefix: undefined, rewrite_path: '/models' },
  ],
  embeddings: [
    { pattern: '/v1/embeddings', strip_prefix: undefined, rewrite_path: undefined },
    { pattern: '/v1/embed', strip_prefix: undefined, rewrite_path: undefined },
  ],
} as const satisfies { readonly [K in ServiceKind]?: readonly RoutePath[] };

/**
 * The paths of services nobody wrote routes for, by service: `/<name>/*`, `/service/<name>/*` and the standard paths of
 * its kind. A service that a route names, even a parked one, has none unless `default_routes` says so.
 */
export function impliedPaths(file: ConfigFile): Map<string, RoutePath[]> {
  const named = namedServices(file);
  const paths = new Map<string, RoutePath[]>();
  for (const [name, fields] of Object.entries(file.services)) {
    if (hasDefaultRoutes(fields, named.has(name)))
      paths.set(name, [stripped(`/${name}`), stripped(`/service/${name}`)]);
  }
  for (const kind of ['llm', 'embeddings'] as const) {
    const [only, second] = servicesWithStandardPaths(file, kind);
    if (only !== undefined && second === undefined) paths.get(only)?.push(...STANDARD_PATHS[kind]);
  }
  return paths;
}

/** Services of a kind that would answer its standard paths: those that have their default routes. */
export function servicesWithStandardPaths(file: ConfigFile, kind: ServiceKind): string[] {
  const named = namedServices(file);
  return Object.entries(file.services)
    .filter(([name, fields]) => fields.kind === kind && hasDefaultRoutes(fields, named.has(name)))
    .map(([name]) => name);
}

function hasDefaultRoutes(service: ConfigFile['services'][string], isNamed: boolean): boolean {
  return service.enabled && (service.default_routes ?? !isNamed);
}

/** Services that a route names, parked routes included. */
export function namedServices(file: ConfigFile): Set<string | undefined> {
  return new Set(file.routes.map((route) => route.service));
}

function stripped(prefix: string): RoutePath {
  return { pattern: `${prefix}/*`, strip_prefix: prefix, rewrite_path: undefined };
}
