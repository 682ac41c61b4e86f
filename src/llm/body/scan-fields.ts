import type { FieldSpan } from '../../exchange/model-call.ts';
import {
  DEEPEST,
  type Excess,
  isSpace,
  isTooLongNumber,
  LONGEST_NAME,
  MOST_FIELDS,
  MOST_ITEMS,
  MOST_MEMBERS,
  MOST_SECTIONS,
} from './body-bounds.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** What the two opening and the two closing brackets are once bit 5 is set; nothing else outside strings is the same. */
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** So many letters of a string are looked at one by one; where no quote is among them, searching for the next one pays. */
const STRETCH = 8;

/**
 * Finds the top-level fields of a JSON object. `text` is `bytes` read as Latin-1, so that both have the same positions:
 * bytes are looked at in half the time of characters, and text is searched in less. Only means something for a body that `JSON.parse` accepts; of others it returns whatever it takes for
 * fields, and never fails.
 */
export function scanFields(bytes: Uint8Array, text: string): FieldSpan[] | Excess {
  return new FieldScanner(bytes, text).scan();
}

class FieldScanner {
  private readonly bytes: Uint8Array;
  private readonly text: string;
  private readonly spans: FieldSpan[] = [];
  private key: string | undefined;
  private from = 0;
  private valueFrom = 0;

  constructor(bytes: Uint8Array, text: string) {
    this.bytes = bytes;
    this.text = text;
  }

  scan(): FieldSpan[] | Excess {
    const { bytes, text } = this;
    const { length } = bytes;
    let depth = 0;
    let sections = 0;
    let members = 0;
    let items = 0;
    let stringFrom = 0;
    let stringTo = 0;
    let markEnd = 0;
    for (let at = 0; at < length; at++) {
      const code = bytes[at] as number;
      if (code === QUOTE) {
        const end = endOfString(bytes, text, at + 1);
        stringFrom = at;
        stringTo = end;
        markEnd = end + 1;
        if (depth === 1 && this.key === undefined) this.key = readKey(text.slice(at, end + 1));
        at = end;
      } else if ((code | 0x20) === OPENING) {
        if (++depth > DEEPEST) return 'nested too deeply';
        if (++sections > MOST_SECTIONS) return 'made of too many parts';
        if (depth === 1) this.from = at + 1;
      } else if ((code | 0x20) === CLOSING) {
        if (isTooLongNumber(bytes, markEnd, at)) return 'made of names or numbers that are too long';
        if (depth-- === 1) this.close(at);
        markEnd = at + 1;
      } else if (code === COLON) {
        const excess = excessOfMember(++members, stringTo - stringFrom - 1);
        if (excess) return excess;
        if (depth === 1) this.valueFrom = at + 1;
      } else if (code === COMMA) {
        const excess = excessOfItem(++items, bytes, markEnd, at);
        if (excess) return excess;
        markEnd = at + 1;
        if (depth === 1) this.close(at);
      }
      if (this.spans.length > MOST_FIELDS) return 'made of too many parts';
    }
    return this.spans;
  }

  private close(to: number): void {
    const { bytes, key, from } = this;
    this.from = to + 1;
    if (key === undefined) return;
    this.key = undefined;
    let { valueFrom } = this;
    let valueTo = to;
    while (valueFrom < to && isSpace(bytes[valueFrom])) valueFrom++;
    while (valueTo > valueFrom && isSpace(bytes[valueTo - 1])) valueTo--;
    this.spans.push({ key, from, valueFrom, valueTo, to });
  }
}

function excessOfMember(members: number, nameLength: number): Excess | undefined {
  if (members > MOST_MEMBERS) return 'made of too many parts';
  return nameLength > LONGEST_NAME ? 'made of names or numbers that are too long' : undefined;
}

function excessOfItem(items: number, bytes: Uint8Array, from: number, to: number): Excess | undefined {
  if (items > MOST_ITEMS) return 'made of too many parts';
  return isTooLongNumber(bytes, from, to) ? 'made of names or numbers that are too long' : undefined;
}

/** Index of the closing quote, or of the end. */
function endOfString(bytes: Uint8Array, text: string, from: number): number {
  for (let at = from; ; ) {
    const near = Math.min(text.length, at + STRETCH);
    for (; at < near; at++) {
      const code = bytes[at] as number;
      if (code === QUOTE) return at;
      if (code === BACKSLASH) at++;
    }
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    let before = quote;
    while (before > at && bytes[before - 1] === BACKSLASH) before--;
    if ((quote - before) % 2 === 0) return quote;
    at = quote + 1;
  }
}

function readKey(written: string): string {
  const key = Buffer.from(written, 'latin1').toString();
  if (!key.includes('\\')) return key.slice(1, -1);
  try {
    return JSON.parse(key) as string;
  } catch {
    return key;
  }
}
