import type { Path } from '../config-error.ts';
import type { RouteConfig } from '../gateway-config.ts';
import { shapeOf } from '../path-pattern.ts';
import type { Mistake } from '../validate.ts';

interface Entry {
  readonly route: RouteConfig;
  readonly source: Path;
  readonly pattern: string;
}

/** The entries of one host, path and number of header conditions: names of the headers → their values → entries. */
type Rank = Map<string, Map<string, Entry[]>>;

/**
 * Pairs of routes between which nothing decides: same host, same path, as many header conditions that can hold
 * together, a method in common. A route is compared only with those whose conditions can hold beside its own, so that
 * thousands of routes at one path, told apart by one header, cost no more than thousands of paths.
 */
export function findAmbiguousRoutes(sources: ReadonlyMap<RouteConfig, Path>): Mistake[] {
  const mistakes: Mistake[] = [];
  const ranks = new Map<string, Rank>();
  for (const [route, source] of sources) {
    const conditions = Object.entries(route.match.headers).sort(([a], [b]) => (a < b ? -1 : 1));
    const names = conditions.map(([name]) => name).join();
    const values = JSON.stringify(conditions);
    for (const { pattern } of route.paths) {
      const hosts = route.match.hosts.length === 0 ? [''] : route.match.hosts;
      for (const host of hosts) {
        const rank = at(ranks, `${host} ${shapeOf(pattern)} ${conditions.length}`, () => new Map());
        const rival = rivalsIn(rank, names, values).find((other) => collides(other.route, route));
        const entry = { route, source, pattern };
        if (rival) mistakes.push(describe(entry, rival));
        else
          at(
            at(rank, names, () => new Map()),
            values,
            (): Entry[] => [],
          ).push(entry);
      }
    }
  }
  return mistakes;
}

/** Those with the very same conditions, and those with conditions on other headers. */
function rivalsIn(rank: Rank, names: string, values: string): Entry[] {
  const same = rank.get(names)?.get(values) ?? [];
  if (rank.size === (rank.has(names) ? 1 : 0)) return same;
  const others = [...rank].filter(([key]) => key !== names).flatMap(([, byValues]) => [...byValues.values()].flat());
  return [...same, ...others];
}

function at<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
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
