import type { Path } from './config-error.ts';
import type { RouteConfig } from './gateway-config.ts';
import { shapeOf } from './path-pattern.ts';
import type { Mistake } from './validate.ts';

interface Entry {
  readonly route: RouteConfig;
  readonly source: Path;
  readonly pattern: string;
}

/**
 * Pairs of routes between which nothing decides: same host, same path, as many header conditions that can hold
 * together, a method in common. Routes are compared only with those of the same host and path.
 */
export function findAmbiguousRoutes(sources: ReadonlyMap<RouteConfig, Path>): Mistake[] {
  const mistakes: Mistake[] = [];
  const seen = new Map<string, Entry[]>();
  for (const [route, source] of sources) {
    for (const { pattern } of route.paths) {
      const hosts = route.match.hosts.length === 0 ? [''] : route.match.hosts;
      for (const host of hosts) {
        const rivals = entriesAt(seen, `${host} ${shapeOf(pattern)} ${Object.keys(route.match.headers).length}`);
        const rival = rivals.find((other) => collides(other.route, route));
        if (rival) mistakes.push(describe({ route, source, pattern }, rival));
        else rivals.push({ route, source, pattern });
      }
    }
  }
  return mistakes;
}

function entriesAt(seen: Map<string, Entry[]>, key: string): Entry[] {
  let entries = seen.get(key);
  if (!entries) seen.set(key, (entries = []));
  return entries;
}

function collides({ match: a }: RouteConfig, { match: b }: RouteConfig): boolean {
  for (const [name, value] of Object.entries(a.headers)) {
    const other = Object.hasOwn(b.headers, name) ? b.headers[name] : undefined;
    if (other !== undefined && other !== value) return false;
  }
  // A route that names its methods goes before one that takes all.
  if (a.methods.length === 0 || b.methods.length === 0) return a.methods.length === b.methods.length;
  return a.methods.some((method) => b.methods.includes(method));
}

function describe({ route, source, pattern }: Entry, rival: Entry): Mistake {
  const isSelf = route === rival.route;
  const message = isSelf
    ? `the path ${pattern} stands in the route twice`
    : `the routes "${rival.route.name}" and "${route.name}" match the same requests at ${pattern}`;
  // The written one of the two is where the mistake can be mended.
  return { path: route.implied && !rival.route.implied ? rival.source : source, message };
}
