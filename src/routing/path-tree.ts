/** A destination of a path, and the conditions under which it applies. */
export interface Candidate<T> {
  readonly value: T;
  /** Empty = every method. HEAD goes wherever GET does. */
  readonly methods: ReadonlySet<string>;
  /** Lower-case name and exact value; all must hold. */
  readonly headers: readonly (readonly [string, string])[];
}

/** Calls back with the candidates of one matching path; a truthy return ends the search. */
type Visit<T> = (candidates: readonly Candidate<T>[], params: Params) => boolean;
type Params = Record<string, string>;

class Node<T> {
  readonly literals = new Map<string, Node<T>>();
  parameter: { name: string; node: Node<T> } | undefined;
  /** Candidates of paths that end here. */
  readonly exact: Candidate<T>[] = [];
  /** Candidates of `…/*`: this node and everything below it. */
  readonly rest: Candidate<T>[] = [];
}

/**
 * Path patterns as a tree of segments: a lookup costs the length of the path, not the number of patterns. Segments are
 * compared whole and case-sensitively; `:name` takes one segment, a final `*` takes the rest, and `/a/*` also matches
 * `/a`. More literal paths come first.
 */
export class PathTree<T> {
  private readonly root = new Node<T>();

  /** `pattern` starts with a slash; `*` may only be its last segment. */
  add(pattern: string, candidate: Candidate<T>): void {
    const segments = pattern.slice(1).split('/');
    const hasRest = segments.at(-1) === '*';
    if (hasRest) segments.pop();
    let node = this.root;
    for (const segment of segments) node = step(node, segment);
    const list = hasRest ? node.rest : node.exact;
    list.push(candidate);
    // The sort is stable: among equals, which the loader refuses, the file's order would be kept.
    list.sort((a, b) => b.headers.length - a.headers.length || Number(b.methods.size > 0) - Number(a.methods.size > 0));
  }

  /** Visits every pattern that matches, the longest first, until `visit` answers true. */
  search(path: string, visit: Visit<T>): boolean {
    return searchFrom(this.root, path, 1, {}, visit);
  }
}

function step<T>(node: Node<T>, segment: string): Node<T> {
  if (segment.startsWith(':')) {
    node.parameter ??= { name: segment.slice(1), node: new Node<T>() };
    return node.parameter.node;
  }
  let next = node.literals.get(segment);
  if (!next) {
    next = new Node<T>();
    node.literals.set(segment, next);
  }
  return next;
}

/** `at` is the index of the first character of the segment to match; past the end when none is left. */
function searchFrom<T>(node: Node<T>, path: string, at: number, params: Params, visit: Visit<T>): boolean {
  if (at > path.length) {
    if (node.exact.length > 0 && visit(node.exact, params)) return true;
    return node.rest.length > 0 && visit(node.rest, params);
  }
  const slash = path.indexOf('/', at);
  const end = slash === -1 ? path.length : slash;
  const segment = path.slice(at, end);
  const next = end + 1;
  const literal = node.literals.get(segment);
  if (literal && searchFrom(literal, path, next, params, visit)) return true;
  if (node.parameter && segment !== '') {
    const { name, node: below } = node.parameter;
    if (searchFrom(below, path, next, { ...params, [name]: segment }, visit)) return true;
  }
  return node.rest.length > 0 && visit(node.rest, { ...params, '*': path.slice(at) });
}
