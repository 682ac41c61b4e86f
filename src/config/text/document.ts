import { isAlias, isMap, isScalar, isSeq, type Document, LineCounter, type Node, parseDocument } from 'yaml';
import { type Path, type Problem, renderPath } from '../config-error.ts';
import { type Interpolation, interpolate, type Lookup } from './interpolate.ts';

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_ALIASES = 50;
const REFUSED_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** A scalar that held `${…}`. Kept apart from literal text until the schema says how to read it. */
export class Interpolated {
  readonly text: string;
  readonly isWhole: boolean;
  /** The variables and files it was made of, for messages. */
  readonly asked: readonly string[];

  constructor({ text, isWhole, asked }: Pick<Interpolation, 'text' | 'isWhole' | 'asked'>) {
    this.text = text;
    this.isWhole = isWhole;
    this.asked = asked;
  }
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A parsed configuration file that still knows where everything stands. */
export class ConfigDocument {
  /** As the user named it: what problems quote. */
  readonly file: string;
  private readonly yaml: Document.Parsed;
  private readonly lines: LineCounter;

  constructor(file: string, yaml: Document.Parsed, lines: LineCounter) {
    this.file = file;
    this.yaml = yaml;
    this.lines = lines;
  }

  /** Plain objects, arrays and scalars, with every `${…}` filled in; what cannot be read is added to `problems`. */
  toTree(lookup: Lookup, problems: Problem[]): unknown {
    return new TreeReader(this, this.yaml, lookup, problems).read();
  }

  /** Where a path stands, or its nearest parent that is written: its key if it has one, else the value. */
  place(path: Path): Place {
    let place: Place = { line: 1, column: 1 };
    for (const { anchor } of this.descend(path)) place = this.placeOf(anchor);
    return place;
  }

  /**
   * The scalar that gives a path its value: its own, or the short form of a section that it belongs to. `undefined`
   * when the file does not write it.
   */
  scalar(path: Path): { readonly place: Place; readonly value: unknown } | undefined {
    let last: Node | undefined = this.resolve(this.yaml.contents);
    let depth = 0;
    for (const { value } of this.descend(path)) {
      last = value;
      depth += 1;
    }
    if (!last || (depth < path.length && !isScalar(last) && !isSeq(last))) return undefined;
    return { place: this.placeOf(last), value: isScalar(last) ? last.value : undefined };
  }

  /** True when the file writes this path itself. */
  has(path: Path): boolean {
    return [...this.descend(path)].length === path.length;
  }

  problem(path: Path, message: string): Problem {
    return { file: this.file, ...this.place(path), path: renderPath(path), message };
  }

  placeOf(node: Node): Place {
    const { line, col } = this.lines.linePos(node.range?.[0] ?? 0);
    return { line, column: col };
  }

  resolve(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.yaml);
    return isScalar(node) || isMap(node) || isSeq(node) ? node : undefined;
  }

  /** The nodes along a path, as far as they are written. */
  private *descend(path: Path): Generator<{ anchor: Node; value: Node }> {
    let node = this.resolve(this.yaml.contents);
    for (const step of path) {
      const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === step) : undefined;
      const raw = isSeq(node) ? node.items[Number(step)] : pair?.value;
      const value = this.resolve(raw);
      if (!value) return;
      yield { anchor: (pair?.key ?? raw) as Node, value };
      node = value;
    }
  }
}

/** Walks a document once. Aliases are expanded as they come, which bounds what a few lines can grow into. */
class TreeReader {
  private aliases = 0;
  private readonly document: ConfigDocument;
  private readonly yaml: Document.Parsed;
  private readonly lookup: Lookup;
  private readonly problems: Problem[];

  constructor(document: ConfigDocument, yaml: Document.Parsed, lookup: Lookup, problems: Problem[]) {
    this.document = document;
    this.yaml = yaml;
    this.lookup = lookup;
    this.problems = problems;
  }

  read(): unknown {
    return this.value(this.yaml.contents, []);
  }

  private value(node: unknown, path: Path): unknown {
    if (isAlias(node)) return this.alias(node, path);
    if (isMap(node)) return this.map(node.items, path);
    if (isSeq(node)) return node.items.map((item, i) => this.value(item, [...path, i]));
    return isScalar(node) ? this.scalar(node, path) : null;
  }

  private alias(node: Node, path: Path): unknown {
    this.aliases += 1;
    const target = this.document.resolve(node);
    if (!target) this.report(node, path, 'the alias names no anchor before it');
    if (this.aliases <= MAX_ALIASES) return this.value(target, path);
    if (this.aliases === MAX_ALIASES + 1) this.report(node, path, `more than ${MAX_ALIASES} aliases are expanded`);
    return null;
  }

  private map(items: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value) : undefined;
      const mistake = name === undefined ? 'a key must be plain text' : this.keyMistake(name, result);
      const at = name === undefined ? path : [...path, name];
      if (name === undefined || mistake !== undefined) this.report(key as Node, at, mistake as string);
      else result[name] = this.value(value, at);
    }
    return result;
  }

  private keyMistake(name: string, siblings: object): string | undefined {
    if (REFUSED_KEYS.has(name)) return 'this key is refused';
    return Object.hasOwn(siblings, name) ? 'this key stands here twice' : undefined;
  }

  private scalar(node: { value: unknown } & Node, path: Path): unknown {
    if (typeof node.value !== 'string' || !node.value.includes('${')) return node.value;
    const filled = interpolate(node.value, this.lookup);
    for (const problem of filled.problems) this.report(node, path, problem);
    return filled.problems.length > 0 ? undefined : new Interpolated(filled);
  }

  private report(node: Node, path: Path, message: string): void {
    const { line, column } = this.document.placeOf(node);
    this.problems.push({ file: this.document.file, line, column, path: renderPath(path), message });
  }
}

/**
 * Parses YAML 1.2 (core schema): no duplicate keys, no tags of its own, one document, at most 4 MiB of valid UTF-8.
 * Syntax errors are added to `problems`, and then there is no document.
 */
export function parseConfigDocument(file: string, bytes: Uint8Array, problems: Problem[]): ConfigDocument | undefined {
  const refuse = (message: string, { line, column }: Place = { line: 1, column: 1 }): undefined => {
    problems.push({ file, line, column, path: '', message });
  };
  if (bytes.byteLength > MAX_BYTES) return refuse('the file is larger than 4 MiB');
  const text = decodeUtf8(bytes);
  if (text === undefined) return refuse('the file is not valid UTF-8');
  const lines = new LineCounter();
  const yaml = parseOrRefuse(text, lines);
  if (!yaml) return refuse('the file is nested too deeply');
  for (const { message, pos } of [...yaml.errors, ...yaml.warnings]) {
    const { line, col } = lines.linePos(pos[0]);
    refuse(message, { line, column: col });
  }
  if (yaml.directives.yaml.version !== '1.2') refuse('%YAML must be 1.2');
  return problems.length > 0 ? undefined : new ConfigDocument(file, yaml, lines);
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The parser reports syntax errors in the document and throws only when the stack ends. */
function parseOrRefuse(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    // The parser compares every key with all its siblings; the tree reader finds duplicates without that.
    return parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter,
    });
  } catch {
    return undefined;
  }
}
