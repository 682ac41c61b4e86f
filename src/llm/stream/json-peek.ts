import { type JsonObject, parseObject } from '../json.ts';

/**
 * Looks single members up in JSON without parsing the rest. A quoted name with a colon behind it is always a member:
 * inside a string its closing quote would stand behind a backslash. All texts may be latin1; names are given with their
 * quotes.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** The last object that is a member of this name, at any depth; `undefined` when there is none or it is not whole. */
export function lastObject(text: string, member: string): JsonObject | undefined {
  for (let at = text.lastIndexOf(member); at !== -1; at = at === 0 ? -1 : text.lastIndexOf(member, at - 1)) {
    const start = valueAfter(text, at + member.length);
    if (start !== -1 && text.charCodeAt(start) === OPEN) return objectFrom(text, start);
  }
  return undefined;
}

/** The last text that is a member of this name, escapes as they are written. */
export function lastText(text: string, member: string): string | undefined {
  for (let at = text.lastIndexOf(member); at !== -1; at = at === 0 ? -1 : text.lastIndexOf(member, at - 1)) {
    const start = valueAfter(text, at + member.length);
    if (start !== -1 && text.charCodeAt(start) === QUOTE) return text.slice(start + 1, endOfString(text, start));
  }
  return undefined;
}

/** Whether the first member of this name has a value that begins like this. */
export function hasMember(text: string, member: string, beginning: string): boolean {
  const at = text.indexOf(member);
  const start = at === -1 ? -1 : valueAfter(text, at + member.length);
  return start !== -1 && text.startsWith(beginning, start);
}

/** Characters of the string that is the first member of this name, escapes as they are written; 0 without one. */
export function stringLength(text: string, member: string): number {
  const at = text.indexOf(member);
  const start = at === -1 ? -1 : valueAfter(text, at + member.length);
  if (start === -1 || text.charCodeAt(start) !== QUOTE) return 0;
  return endOfString(text, start) - start - 1;
}

/** Where the value begins behind a name; -1 when no colon follows. */
function valueAfter(text: string, at: number): number {
  const colon = skipSpace(text, at);
  return text[colon] === ':' ? skipSpace(text, colon + 1) : -1;
}

function skipSpace(text: string, at: number): number {
  let next = at;
  while (text.charCodeAt(next) <= 0x20) next++;
  return next;
}

/** Index of the closing quote, or the length of a text that ends before. */
function endOfString(text: string, opening: number): number {
  for (let i = opening + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE) return i;
  }
  return text.length;
}

function objectFrom(text: string, start: number): JsonObject | undefined {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if (code === OPEN) depth++;
    else if (code === CLOSE && --depth === 0) return parseObject(text.slice(start, i + 1));
  }
  return undefined;
}
