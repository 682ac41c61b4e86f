import type { RoutePath } from '../config/gateway-config.ts';

/** Paths of a route that mean the same: one to describe and the others to name beside it. */
interface PathGroup {
  readonly first: RoutePath;
  readonly others: readonly RoutePath[];
}

/** `/a/:name/*` as OpenAPI writes it; the rest of a path is one parameter, though it may hold slashes. */
export function templateOf(pattern: string): string {
  const named = pattern.replaceAll(/\/:([^/]+)/g, '/{$1}');
  return named.endsWith('/*') ? `${named.slice(0, -1)}{${restName(pattern)}}` : named;
}

/** `/a/*` and `/b` make `/a/b`. */
export function pathBelow(pattern: string, path: string): string {
  return pattern.slice(0, -'/*'.length) + path;
}

/** What the service is asked for, still with what the pattern leaves open; `/v1` does not count on model services. */
export function innerPattern({ pattern, strip_prefix: prefix, rewrite_path: rewritten }: RoutePath): string {
  const isBelow = prefix !== undefined && prefix !== '/' && pattern.startsWith(`${prefix}/`);
  return rewritten ?? (isBelow ? pattern.slice(prefix.length) : pattern);
}

/** The paths in groups that lead to the same place. `/v1/*` comes first: clients know it. */
export function groupPaths(paths: readonly RoutePath[]): PathGroup[] {
  const byPlace = Map.groupBy(paths, (path) => innerPattern(path).replace(/^\/v1(?=\/)/, ''));
  return [...byPlace.values()].map((group) => {
    const first = group.find(({ pattern }) => pattern === '/v1/*') ?? (group[0] as RoutePath);
    return { first, others: group.filter((path) => path !== first) };
  });
}

function restName(pattern: string): string {
  return pattern.includes('/:rest/') ? 'rest_' : 'rest';
}
