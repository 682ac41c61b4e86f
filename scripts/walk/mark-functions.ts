import { parseSync } from '@swc/core';

/** What a marked function calls on entry, with the index of its entry in the list of functions. */
export const ENTER = '__walkEnter';

export interface FunctionEntry {
  /** Path below `src/`, without extension. */
  readonly file: string;
  /** `Gateway.handle`, or the name of what the function is assigned to. */
  readonly name: string;
}

interface Insertion {
  readonly at: number;
  readonly text: string;
}

type Node = Readonly<Record<string, unknown>>;

/** Rewrites TypeScript so that each function reports its entry. Every function found is appended to `functions`. */
export function markFunctions(source: string, file: string, functions: FunctionEntry[]): string {
  // The parser counts bytes from an arbitrary start: an empty statement in front shows where that start is.
  const module = parseSync(`;${source}`, { syntax: 'typescript', target: 'esnext' });
  const bytes = Buffer.from(source);
  const base = (module.body[0]?.span.start ?? 0) + 1;
  const insertions: Insertion[] = [];
  const visit = (value: unknown, name: string, owner: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, name, owner);
    if (!isNode(value)) return;
    const own = nameOf(value) ?? name;
    const inner = CLASSES.has(value['type']) ? `${own}.` : owner;
    const body = bodyOf(value);
    if (body) {
      const mark = `${ENTER}(${String(functions.push({ file, name: owner + own }) - 1)})`;
      insertions.push(...insertionsFor(body, mark, base));
    }
    for (const [key, child] of Object.entries(value)) if (key !== 'span') visit(child, own, inner);
  };
  visit(module.body, 'anonymous', '');
  return splice(bytes, insertions);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function spanOf(node: Node): { start: number; end: number } {
  return node['span'] as { start: number; end: number };
}

/** The name a node gives to the function in it. */
function nameOf(node: Node): string | undefined {
  for (const key of ['identifier', 'key', 'id', 'left']) {
    const named = node[key];
    const value = isNode(named)
      ? (named['value'] ?? (isNode(named['id']) ? named['id']['value'] : undefined))
      : undefined;
    if (typeof value === 'string') return value;
  }
  return node['type'] === 'Constructor' ? 'constructor' : undefined;
}

const CLASSES = new Set<unknown>(['ClassDeclaration', 'ClassExpression']);
const WITH_BODY = /^(Function|Arrow|Constructor|MethodProperty|GetterProperty|SetterProperty)/;

function bodyOf(node: Node): Node | undefined {
  // Methods of classes hold their body one level deeper, in a node without a type.
  const holder = isNode(node['function']) ? node['function'] : node;
  const isFunction = holder !== node || WITH_BODY.test(String(node['type']));
  return isFunction && isNode(holder['body']) ? holder['body'] : undefined;
}

function insertionsFor(body: Node, mark: string, base: number): Insertion[] {
  const { start, end } = spanOf(body);
  if ('stmts' in body) return [{ at: start - base + 1, text: `${mark};` }];
  return [
    { at: start - base, text: `(${mark},` },
    { at: end - base, text: ')' },
  ];
}

function splice(bytes: Buffer, insertions: Insertion[]): string {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { at, text } of insertions.toSorted((a, b) => a.at - b.at)) {
    parts.push(bytes.subarray(from, at), Buffer.from(text));
    from = at;
  }
  return Buffer.concat([...parts, bytes.subarray(from)]).toString();
}
