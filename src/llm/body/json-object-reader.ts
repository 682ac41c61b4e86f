import { isAscii } from 'node:buffer';
import type { FieldSpan } from '../../exchange/model-call.ts';
import {
  DEEPEST,
  type Excess,
  isSpace,
  isTooLongNumber,
  LONGEST_NAME,
  LONGEST_NUMBER,
  MOST_FIELDS,
  MOST_ITEMS,
  MOST_MEMBERS,
  MOST_NAMES,
  MOST_SECTIONS,
} from './body-bounds.ts';
import { type Container, JsonAssembly } from './json-assembly.ts';
import { endOfShortString } from './short-string.ts';

/** A string or container of more bytes is taken apart; so much and less is parsed at once. */
const RUN_BYTES = 32 * 1024;
/** Text of so many bytes is searched for quotes at a time. */
const WINDOW_BYTES = 64 * 1024;
/** So many letters of a string are looked at one by one; where no quote is among them, searching for the next one pays. */
const STRETCH = 8;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPENING_BRACE = 0x7b;
/** What the two opening brackets are once bit 5 is set; no other mark is the same. */
const OPENING = 0x7b;

/** 1 for the bytes that mean something outside of strings. */
const MARKS = Uint8Array.from({ length: 256 }, (_, code) => ('",:[]{}'.includes(String.fromCharCode(code)) ? 1 : 0));

const TOO_MANY = 'made of too many parts';
const TOO_LONG = 'made of names or numbers that are too long';

/** What was read, or why it was not. */
export type ReadObject =
  | { readonly body: Record<string, unknown>; readonly spans: readonly FieldSpan[] }
  | Excess
  | 'not valid JSON'
  | 'not an object';

/**
 * Reads one JSON object of any size in short steps, so that nobody else waits for long. Gives what `JSON.parse` gives:
 * it parses small members, many at a time; only what is larger than a run is put together by hand. Finds the top-level
 * fields on the way, and refuses what has too many parts. `bytes` must be UTF-8.
 */
export class JsonObjectReader {
  result: ReadObject | undefined;

  private readonly bytes: Buffer;
  private readonly assembly: JsonAssembly;
  private at = 0;
  private phase: 'before' | 'inside' | 'after' = 'before';
  private window = '';
  private windowFrom = 0;
  private windowTo = 0;

  /** Where the string begins that is being read, or -1. */
  private stringFrom = -1;
  private isSpilling = false;
  /** The last whole string: where it begins and ends. */
  private lastFrom = 0;
  private lastTo = 0;
  /** Just behind the last mark or string. */
  private markEnd = 0;

  private depth = 0;
  /** By depth: where the container begins, where the member begins that is being read, and its last colon or -1. */
  private readonly openedAt = new Float64Array(DEEPEST + 1);
  private readonly memberFrom = new Float64Array(DEEPEST + 1);
  private readonly colonAt = new Float64Array(DEEPEST + 1);
  private readonly names = new Float64Array(DEEPEST + 1);

  private readonly spans: FieldSpan[] = [];
  private sections = 0;
  private members = 0;
  private items = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.assembly = new JsonAssembly(bytes, isAscii(bytes));
  }

  /** Reads on for about so many bytes; `result` is set when there is nothing more to read. */
  step(bytes: number): void {
    const until = Math.min(this.bytes.length, this.at + bytes);
    while (this.result === undefined && this.at < until) {
      if (this.phase !== 'inside') this.readAround(until);
      else if (this.stringFrom === -1) this.readMarks(until);
      else this.readString(until);
    }
    if (this.result === undefined && this.at >= this.bytes.length) this.finish();
  }

  private finish(): void {
    if (this.phase === 'before') this.result = 'not an object';
    else if (this.phase === 'inside') this.result = 'not valid JSON';
    else this.result = { body: this.assembly.root as Record<string, unknown>, spans: this.spans };
  }

  /** Nothing but spaces may stand before and behind the object. */
  private readAround(until: number): void {
    const { bytes } = this;
    while (this.at < until && isSpace(bytes[this.at])) this.at++;
    if (this.at === until) return;
    if (this.phase === 'after') this.result = 'not valid JSON';
    else if (bytes[this.at] !== OPENING_BRACE) this.result = 'not an object';
    else this.phase = 'inside';
  }

  /** Most marks only move a boundary: that is done here, because there may be millions. The others go to `mark`. */
  private readMarks(until: number): void {
    const { bytes, memberFrom, colonAt } = this;
    let { at } = this;
    for (; at < until; at++) {
      const code = bytes[at] as number;
      if (MARKS[code] === 0) continue;
      if (code === QUOTE) {
        const end = endOfShortString(bytes, at + 1, until);
        if (end === -1) {
          this.stringFrom = at;
          this.at = at + 1;
          return;
        }
        this.lastFrom = at;
        this.lastTo = at = end;
        this.markEnd = end + 1;
        continue;
      }
      if (code === COMMA && this.isWithinRun(at)) {
        this.items++;
        memberFrom[this.depth] = at + 1;
        colonAt[this.depth] = -1;
        this.markEnd = at + 1;
        continue;
      }
      const fault = this.mark(code, at);
      this.markEnd = this.at = at + 1;
      if (fault !== undefined) this.result = fault;
      if (fault !== undefined || this.phase === 'after') return;
    }
    this.at = at;
  }

  /** A comma here ends nothing but a member that will be parsed with others. */
  private isWithinRun(at: number): boolean {
    const { assembly, depth } = this;
    if (depth === 1 || this.items >= MOST_ITEMS || at - this.markEnd > LONGEST_NUMBER) return false;
    if (depth === assembly.depth) return assembly.takenTo !== -1 && at - assembly.takenTo <= RUN_BYTES;
    return at - (this.memberFrom[assembly.depth] as number) <= RUN_BYTES;
  }

  private mark(code: number, at: number): Excess | 'not valid JSON' | undefined {
    if (isTooLongNumber(this.bytes, this.markEnd, at)) return TOO_LONG;
    if (code === COMMA) return this.endMember(at);
    if (code === COLON) return this.endName(at);
    return (code | 0x20) === OPENING ? this.open(at) : this.close(code, at);
  }

  private open(at: number): Excess | 'not valid JSON' | undefined {
    if (++this.depth > DEEPEST) return 'nested too deeply';
    if (++this.sections > MOST_SECTIONS) return TOO_MANY;
    this.openedAt[this.depth] = at;
    this.memberFrom[this.depth] = at + 1;
    this.colonAt[this.depth] = -1;
    this.names[this.depth] = 0;
    if (this.depth === 1) this.assembly.begin(at);
    return this.takeApart(at);
  }

  private endName(at: number): Excess | undefined {
    const names = (this.names[this.depth] as number) + 1;
    this.names[this.depth] = names;
    if (++this.members > MOST_MEMBERS || names > MOST_NAMES) return TOO_MANY;
    if (this.lastTo - this.lastFrom - 1 > LONGEST_NAME) return TOO_LONG;
    this.colonAt[this.depth] = at;
    return undefined;
  }

  private endMember(at: number): Excess | 'not valid JSON' | undefined {
    const { assembly, depth } = this;
    if (++this.items > MOST_ITEMS) return TOO_MANY;
    const isTaken = depth !== assembly.depth || assembly.endMember(at, at - assembly.takenTo > RUN_BYTES);
    if (!isTaken || (depth === 1 && !this.noteField(at))) return 'not valid JSON';
    if (this.spans.length > MOST_FIELDS) return TOO_MANY;
    this.memberFrom[depth] = at + 1;
    this.colonAt[depth] = -1;
    return this.takeApart(at);
  }

  private close(code: number, at: number): Excess | 'not valid JSON' | undefined {
    const { assembly, depth } = this;
    if (depth === assembly.depth && !assembly.end(at, code)) return 'not valid JSON';
    if (depth === 1 && !this.noteField(at)) return 'not valid JSON';
    if (this.spans.length > MOST_FIELDS) return TOO_MANY;
    if (--this.depth === 0) this.phase = 'after';
    return undefined;
  }

  /** Goes into the members that have become larger than a run. */
  private takeApart(at: number): 'not valid JSON' | undefined {
    const { assembly } = this;
    while (assembly.depth < this.depth && at - (this.memberFrom[assembly.depth] as number) > RUN_BYTES)
      if (!this.goInto(assembly.depth)) return 'not valid JSON';
    return undefined;
  }

  private goInto(depth: number): boolean {
    const from = this.openedAt[depth + 1] as number;
    const into: Container = this.bytes[from] === OPENING_BRACE ? {} : [];
    return this.assembly.enter(this.memberAt(depth, from), into);
  }

  private memberAt(depth: number, valueFrom: number) {
    return { from: this.memberFrom[depth] as number, colonAt: this.colonAt[depth] as number, valueFrom };
  }

  private readString(until: number): void {
    const { bytes } = this;
    let { at } = this;
    while (at < until) {
      let near = Math.min(until, at + STRETCH);
      for (; at < near; at++) {
        const code = bytes[at] as number;
        if (code === QUOTE) return this.endString(at);
        if (code !== BACKSLASH) continue;
        at++;
        near = Math.min(until, at + STRETCH);
      }
      if (at >= until) break;
      const next = Math.min(until, this.nextQuote(at));
      let before = next;
      while (before > at && bytes[before - 1] === BACKSLASH) before--;
      const isEscaped = (next - before) % 2 === 1;
      if (!isEscaped && next < until && bytes[next] === QUOTE) return this.endString(next);
      at = isEscaped ? next + 1 : next;
    }
    this.at = at;
    if (at - this.stringFrom > RUN_BYTES) this.spill(Math.min(at, bytes.length));
  }

  /** Where the next quote is, or the end of what has been searched. */
  private nextQuote(at: number): number {
    if (at < this.windowFrom || at >= this.windowTo) {
      this.windowFrom = at;
      this.windowTo = Math.min(this.bytes.length, at + WINDOW_BYTES);
      this.window = this.bytes.toString('latin1', at, this.windowTo);
    }
    const found = this.window.indexOf('"', at - this.windowFrom);
    return found === -1 ? this.windowTo : this.windowFrom + found;
  }

  /** What has been read of a long string is put aside, so that it need not be parsed at once. */
  private spill(to: number): void {
    const { assembly, depth } = this;
    if (!this.isSpilling) {
      this.isSpilling = true;
      while (assembly.depth < depth) if (!this.goInto(assembly.depth)) return this.fail();
      // A name of this length.
      if (assembly.isObject && (this.colonAt[depth] as number) === -1) return void (this.result = TOO_LONG);
      if (!assembly.beginString(this.memberAt(depth, this.stringFrom))) return this.fail();
    }
    if (!assembly.addPiece(to)) this.fail();
  }

  private endString(at: number): void {
    if (this.isSpilling && !this.assembly.endString(at)) this.fail();
    this.isSpilling = false;
    this.lastFrom = this.stringFrom;
    this.lastTo = at;
    this.stringFrom = -1;
    this.markEnd = this.at = at + 1;
  }

  private fail(): void {
    this.result = 'not valid JSON';
  }

  /** Notes one top-level field; false for a member that has no proper name. */
  private noteField(to: number): boolean {
    const from = this.memberFrom[1] as number;
    const colon = this.colonAt[1] as number;
    // Between two commas, or without a name: the assembly judges that.
    if (colon === -1) return true;
    const key = this.assembly.readName(from, colon);
    if (key === undefined) return false;
    let [valueFrom, valueTo] = [colon + 1, to];
    while (valueFrom < to && isSpace(this.bytes[valueFrom])) valueFrom++;
    while (valueTo > valueFrom && isSpace(this.bytes[valueTo - 1])) valueTo--;
    this.spans.push({ key, from, valueFrom, valueTo, to });
    return true;
  }
}
