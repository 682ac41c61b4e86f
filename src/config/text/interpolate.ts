/** Where `${…}` finds its values. `undefined` means not there. */
export interface Lookup {
  readonly variable: (name: string) => string | undefined;
  readonly file: (path: string) => string | undefined;
}

/** What one scalar became. */
export interface Interpolation {
  readonly text: string;
  /** The scalar was exactly one `${…}`: its text is read again where a number, boolean or list is wanted. */
  readonly isWhole: boolean;
  /** What was asked for, `NAME` or `file:path`, in order; a default that was not needed is not asked. */
  readonly asked: readonly string[];
  /** The last of `asked` that had a value: where the text comes from. */
  readonly found: string | undefined;
  /** Why there is no text: what is missing or malformed. Never the value of anything. */
  readonly problems: readonly string[];
}

interface Cursor {
  readonly source: string;
  at: number;
  depth: number;
  readonly lookup: Lookup;
  readonly asked: string[];
  found: string | undefined;
  readonly problems: string[];
  /** The rest cannot be read: one problem says it all. */
  isBroken: boolean;
}

const MAX_DEPTH = 5;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

/**
 * Fills `${NAME}`, `${NAME:-default}` and `${file:path}` in one scalar, once: what a variable holds is never read for
 * further `${…}`. The default stands in for what is unset or empty and may itself hold `${…}`; `$${` is a plain `${`.
 */
export function interpolate(source: string, lookup: Lookup): Interpolation {
  const cursor: Cursor = {
    source,
    at: 0,
    depth: 0,
    lookup,
    asked: [],
    found: undefined,
    problems: [],
    isBroken: false,
  };
  const isWhole = source.startsWith('${') && endOfFirst(source) === source.length;
  const text = readText(cursor, false);
  return { text, isWhole, asked: cursor.asked, found: cursor.found, problems: cursor.problems };
}

/** Reads literal text and placeholders up to the end, or up to the `}` that ends a default. */
function readText(cursor: Cursor, isDefault: boolean): string {
  let text = '';
  while (cursor.at < cursor.source.length) {
    const { source, at } = cursor;
    if (source.startsWith('$${', at)) {
      text += '${';
      cursor.at += 3;
    } else if (source.startsWith('${', at)) {
      cursor.at += 2;
      text += readPlaceholder(cursor);
    } else if (isDefault && source[at] === '}') {
      return text;
    } else {
      text += source[at];
      cursor.at += 1;
    }
  }
  return text;
}

/** Behind `${`; leaves the cursor behind `}`. */
function readPlaceholder(cursor: Cursor): string {
  if (++cursor.depth > MAX_DEPTH) return fail(cursor, `\${…} is nested more than ${MAX_DEPTH} deep`);
  const reference = readReference(cursor);
  if (reference === undefined)
    return fail(cursor, 'a ${…} is malformed: write ${NAME}, ${NAME:-default} or ${file:path}');
  const value = reference.read();
  const hasDefault = cursor.source.startsWith(':-', cursor.at);
  if (value !== undefined && (value !== '' || !hasDefault)) cursor.found = reference.name;
  const fallback = hasDefault ? readDefault(cursor, value !== undefined && value !== '') : undefined;
  if (cursor.source[cursor.at] !== '}') return fail(cursor, 'a ${…} has no closing }');
  cursor.at += 1;
  cursor.depth -= 1;
  if (value !== undefined && value !== '') return value;
  if (hasDefault) return fallback ?? '';
  if (value === undefined) cursor.problems.push(reference.missing);
  return value ?? '';
}

interface Reference {
  readonly name: string;
  readonly missing: string;
  readonly read: () => string | undefined;
}

function readReference(cursor: Cursor): Reference | undefined {
  const { source, at, lookup } = cursor;
  if (source.startsWith('file:', at)) return readFileReference(cursor);
  NAME.lastIndex = at;
  const name = NAME.exec(source)?.[0];
  if (name === undefined) return undefined;
  cursor.at += name.length;
  if (source[cursor.at] !== '}' && !source.startsWith(':-', cursor.at)) return undefined;
  cursor.asked.push(name);
  return { name, missing: `the environment variable ${name} is not set`, read: () => lookup.variable(name) };
}

function readFileReference(cursor: Cursor): Reference | undefined {
  const start = cursor.at + 'file:'.length;
  const ends = [cursor.source.indexOf('}', start), cursor.source.indexOf(':-', start)].filter((end) => end !== -1);
  const end = Math.min(...ends);
  const path = cursor.source.slice(start, end).trim();
  if (ends.length === 0 || path === '') return undefined;
  cursor.at = end;
  cursor.asked.push(`file:${path}`);
  return { name: `file:${path}`, missing: `the file ${path} cannot be read`, read: () => cursor.lookup.file(path) };
}

/** At `:-`. A default that is not needed is skipped without asking for what stands in it. */
function readDefault(cursor: Cursor, isSkipped: boolean): string {
  cursor.at += 2;
  if (!isSkipped) return readText(cursor, true);
  const blind: Cursor = { ...cursor, asked: [], problems: [], lookup: { variable: () => '', file: () => '' } };
  readText(blind, true);
  cursor.at = blind.at;
  return '';
}

function fail(cursor: Cursor, problem: string): string {
  if (!cursor.isBroken) cursor.problems.push(problem);
  cursor.isBroken = true;
  cursor.at = cursor.source.length;
  return '';
}

/** Index behind the `}` that closes the `${` at the start; -1 when nothing does. */
function endOfFirst(source: string): number {
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    if (source.startsWith('${', i)) depth += 1;
    else if (source[i] === '}' && --depth === 0) return i + 1;
  }
  return -1;
}
