import type { FailureKind } from './attempt.ts';

/** Thrown when the bytes of an upstream are not a valid answer head. */
export class BadHead extends Error {
  readonly kind: FailureKind;

  constructor(kind: 'invalid_response' | 'head_too_large', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Interim answers (1xx) before one final answer. A busy server may send one every second; an endless row is no answer. */
const MOST_INTERIM_HEADS = 1_000;
const LONGEST_STATUS_LINE = 8 * 1024;

const NOTHING = Buffer.alloc(0);
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const CR = 13;
const LF = 10;
const SP = 32;
const TAB = 9;

/**
 * Lets the head of an answer pass only when it is there as a whole, and looks at what undici's parser does not: it takes
 * other protocols than HTTP/1.x, takes a tab before the end of `Transfer-Encoding: chunked` for a part of the name, and
 * ends the connection over a `100 Continue`, which every client must be able to read past (RFC 9110 15.2).
 */
export class HeadGate {
  private readonly mostBytes: number;
  private held: Buffer = NOTHING;
  private interimHeads = 0;
  private hasFinalHead = true;

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }

  /** True while the incoming bytes are a head, not a body. */
  get isWaiting(): boolean {
    return !this.hasFinalHead;
  }

  /** A request goes out: the next bytes are the head of its answer. */
  expect(): void {
    this.held = NOTHING;
    this.interimHeads = 0;
    this.hasFinalHead = false;
  }

  /** The part of these bytes that the parser may see now; `null` for nothing yet. Throws `BadHead`. */
  pass(bytes: Buffer): Buffer | null {
    let rest = this.held.length === 0 ? bytes : Buffer.concat([this.held, bytes]);
    this.held = NOTHING;
    let passed = NOTHING;
    while (rest.length > 0) {
      const end = this.endOfHead(rest);
      if (end === -1) {
        this.held = rest;
        break;
      }
      if (!isInterim(rest)) {
        this.hasFinalHead = true;
        spaceTabs(rest, end);
        return passed.length === 0 ? rest : Buffer.concat([passed, rest]);
      }
      if (++this.interimHeads > MOST_INTERIM_HEADS) throw invalid('an endless row of interim answers');
      if (!isContinue(rest)) passed = Buffer.concat([passed, rest.subarray(0, end)]);
      rest = rest.subarray(end);
    }
    return passed.length === 0 ? null : passed;
  }

  /** Where the head at the beginning of these bytes ends; -1 while it has not ended. */
  private endOfHead(bytes: Buffer): number {
    checkStatusLine(bytes);
    const at = bytes.indexOf(END_OF_HEAD);
    if (at === -1) checkLineEnds(bytes);
    const size = at === -1 ? bytes.length : at + END_OF_HEAD.length;
    if (size > this.mostBytes) throw new BadHead('head_too_large', `more than ${this.mostBytes} bytes of headers`);
    return at === -1 ? -1 : size;
  }
}

/** RFC 9112 4: `HTTP/1.1 200 Reason`; everything after the status may be missing. */
function checkStatusLine(bytes: Buffer): void {
  const lineEnd = bytes.indexOf(LF);
  const end = lineEnd === -1 ? bytes.length : lineEnd - 1;
  if (lineEnd !== -1 && bytes[end] !== CR) throw invalid('a status line that does not end with CR LF');
  if (end > LONGEST_STATUS_LINE) throw invalid('a status line without an end');
  const fixed = Math.min(end, STATUS.length);
  for (let i = 0; i < fixed; i++) if (!STATUS[i]?.(bytes[i] as number)) throw invalid('no status line of HTTP/1');
  if (lineEnd !== -1 && end < STATUS.length) throw invalid('no status line of HTTP/1');
  // Of a line that is not there as a whole the last byte may be the CR of its end.
  const reasonEnd = lineEnd === -1 && bytes[end - 1] === CR ? end - 1 : end;
  checkReason(bytes, fixed, reasonEnd);
}

function checkReason(bytes: Buffer, start: number, end: number): void {
  if (start < end && start === STATUS.length && bytes[start] !== SP) throw invalid('a status that is no number');
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if ((byte < SP && byte !== TAB) || byte === 0x7f) throw invalid('a control character in the reason');
  }
}

type ByteTest = (byte: number) => boolean;

function only(character: string): ByteTest {
  const code = character.charCodeAt(0);
  return (byte) => byte === code;
}

const isZeroOrOne: ByteTest = (byte) => byte === 0x30 || byte === 0x31;
const isClass: ByteTest = (byte) => byte >= 0x31 && byte <= 0x35;
const isDigit: ByteTest = (byte) => byte >= 0x30 && byte <= 0x39;

const STATUS: readonly ByteTest[] = [...Array.from('HTTP/1.', only), isZeroOrOne, only(' '), isClass, isDigit, isDigit];
const CLASS_AT = 9;

function isInterim(head: Buffer): boolean {
  return head[CLASS_AT] === 0x31;
}

function isContinue(head: Buffer): boolean {
  return head[CLASS_AT + 1] === 0x30 && head[CLASS_AT + 2] === 0x30;
}

/** RFC 9112 2.2: a line of a response ends with CR LF. Without this check a head that never ends so is waited for. */
function checkLineEnds(bytes: Buffer): void {
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) throw invalid('a header line that does not end with CR LF');
  }
}

const FRAMING_LINE = /\r\n(?:transfer-encoding|content-length):[^\r\n]*/gi;

/** RFC 9110 5.6.3: around a value a tab is as good as a space. */
function spaceTabs(bytes: Buffer, end: number): void {
  const tab = bytes.indexOf(TAB);
  if (tab === -1 || tab >= end) return;
  const head = bytes.toString('latin1', 0, end);
  for (const { index, 0: line } of head.matchAll(FRAMING_LINE)) {
    bytes.write(line.replaceAll('\t', ' '), index, 'latin1');
  }
}

function invalid(found: string): BadHead {
  return new BadHead('invalid_response', found);
}
