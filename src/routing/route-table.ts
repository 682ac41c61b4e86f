import type { EdgeRequest } from '../edge/edge-request.ts';
import { type Candidate, PathTree } from './path-tree.ts';

/** One entry of the table: which requests it takes. */
export interface RouteEntry<T> {
  readonly value: T;
  /** Exact names or `*.example.com`; empty = every host. */
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  readonly methods: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

export type RouteLookup<T> =
  | { readonly kind: 'found'; readonly value: T; readonly params: Readonly<Record<string, string>> }
  /** The path exists, but not with this method: `allow` lists its methods, sorted. */
  | { readonly kind: 'wrong_method'; readonly allow: readonly string[] }
  | { readonly kind: 'nothing' };

/** The parts of a request that decide its route. */
type RoutedRequest = Pick<EdgeRequest, 'method' | 'host' | 'path' | 'headers'>;

type Found<T> = Extract<RouteLookup<T>, { kind: 'found' }>;

const NOTHING = { kind: 'nothing' } as const;

/**
 * Finds the route of a request: host first (exact, wildcard, none), then the longest path, then the number of header
 * conditions, then the method. A path whose method does not fit falls through to a shorter one that has it. The cost
 * of a lookup does not grow with the number of routes.
 */
export class RouteTable<T> {
  private readonly exactHosts = new Map<string, PathTree<T>>();
  /** Keyed by the suffix with its dot: `.example.com`. */
  private readonly wildcardHosts = new Map<string, PathTree<T>>();
  private readonly anyHost = new PathTree<T>();

  constructor(entries: Iterable<RouteEntry<T>>) {
    for (const entry of entries) this.add(entry);
  }

  /** `method` replaces the request's own when a preflight asks about another one. */
  find(edge: RoutedRequest, method = edge.method): RouteLookup<T> {
    const search = new Search<T>(edge, method);
    for (const tree of this.treesFor(edge.host)) {
      if (tree.search(edge.path, search.visit)) return search.found as Found<T>;
    }
    return search.allow.size === 0 ? NOTHING : { kind: 'wrong_method', allow: [...search.allow].sort() };
  }

  private *treesFor(host: string): Generator<PathTree<T>> {
    if (this.exactHosts.size > 0) {
      const exact = this.exactHosts.get(host);
      if (exact) yield exact;
    }
    if (this.wildcardHosts.size > 0) {
      for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
        const wildcard = this.wildcardHosts.get(host.slice(dot));
        if (wildcard) yield wildcard;
      }
    }
    yield this.anyHost;
  }

  private add(entry: RouteEntry<T>): void {
    const candidate: Candidate<T> = {
      value: entry.value,
      methods: new Set(entry.methods.includes('GET') ? [...entry.methods, 'HEAD'] : entry.methods),
      headers: Object.entries(entry.headers).map(([name, value]) => [name.toLowerCase(), value] as const),
    };
    const trees = entry.hosts.length === 0 ? [this.anyHost] : entry.hosts.map((host) => this.treeOf(host));
    for (const tree of trees) for (const path of entry.paths) tree.add(path, candidate);
  }

  private treeOf(host: string): PathTree<T> {
    const isWildcard = host.startsWith('*.');
    const map = isWildcard ? this.wildcardHosts : this.exactHosts;
    const key = (isWildcard ? host.slice(1) : host).toLowerCase();
    let tree = map.get(key);
    if (!tree) {
      tree = new PathTree<T>();
      map.set(key, tree);
    }
    return tree;
  }
}

/** The state of one lookup over possibly several trees. */
class Search<T> {
  found: Found<T> | undefined;
  readonly allow = new Set<string>();
  private readonly edge: RoutedRequest;
  private readonly method: string;

  constructor(edge: RoutedRequest, method: string) {
    this.edge = edge;
    this.method = method;
  }

  readonly visit = (candidates: readonly Candidate<T>[], params: Record<string, string>): boolean => {
    for (const candidate of candidates) {
      if (!this.meetsHeaders(candidate)) continue;
      if (candidate.methods.size === 0 || candidate.methods.has(this.method)) {
        this.found = { kind: 'found', value: candidate.value, params };
        return true;
      }
      for (const method of candidate.methods) this.allow.add(method);
    }
    return false;
  };

  private meetsHeaders(candidate: Candidate<T>): boolean {
    for (const [name, value] of candidate.headers) if (this.edge.headers.get(name) !== value) return false;
    return true;
  }
}
