import { isSpace } from './body-bounds.ts';

export type Container = unknown[] | Record<string, unknown>;

/** Where a member stands: its beginning, its colon (or -1), and where its value begins. */
export interface MemberPlace {
  readonly from: number;
  readonly colonAt: number;
  readonly valueFrom: number;
}

/** A container that is put together member by member, because it is too large to be parsed at once. */
interface Frame {
  readonly into: Container;
  readonly openedAt: number;
  /** Everything before this byte has been taken. */
  takenTo: number;
  /** The member that is being read has been taken too: only spaces may follow before the next. */
  isMemberTaken: boolean;
}

const CLOSING_BRACE = 0x7d;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/**
 * Puts a large JSON object together from parts that `JSON.parse` reads. Methods give false where the bytes are not
 * valid JSON.
 */
export class JsonAssembly {
  root: Container = {};

  private readonly bytes: Buffer;
  private readonly isAscii: boolean;
  private readonly frames: Frame[] = [];
  private member: MemberPlace | undefined;
  private text = '';
  private pieceFrom = 0;

  constructor(bytes: Buffer, isAscii: boolean) {
    this.bytes = bytes;
    this.isAscii = isAscii;
  }

  /** How many containers that hold each other are being put together. */
  get depth(): number {
    return this.frames.length;
  }

  get isObject(): boolean {
    return !Array.isArray(this.frame.into);
  }

  /** Everything before this byte has been taken; -1 while something behind it has been taken, too. */
  get takenTo(): number {
    const { frame } = this;
    return frame.isMemberTaken ? -1 : frame.takenTo;
  }

  begin(at: number): void {
    this.push(this.root, at);
  }

  /** Goes into a container that is a member of the innermost one. */
  enter(member: MemberPlace, into: Container): boolean {
    if (!this.beginMember(member) || !this.put(into)) return false;
    this.push(into, member.valueFrom);
    return true;
  }

  /** At a comma of the innermost container. */
  endMember(at: number, isDue: boolean): boolean {
    const { frame } = this;
    if (!frame.isMemberTaken) {
      if (!isDue) return true;
      if (this.isBlank(frame.takenTo, at) || !this.take(at)) return false;
    } else if (!this.isBlank(frame.takenTo, at)) return false;
    frame.isMemberTaken = false;
    frame.takenTo = at + 1;
    return true;
  }

  /** At the bracket that closes the innermost container. */
  end(at: number, bracket: number): boolean {
    const { frame } = this;
    if (this.isObject !== (bracket === CLOSING_BRACE)) return false;
    const isEmpty = this.isBlank(frame.takenTo, at);
    if (frame.isMemberTaken) {
      if (!isEmpty) return false;
    } else if (isEmpty ? frame.takenTo !== frame.openedAt + 1 : !this.take(at)) return false;
    this.frames.pop();
    const parent = this.frames.at(-1);
    if (parent) {
      parent.takenTo = at + 1;
      parent.isMemberTaken = true;
    }
    return true;
  }

  /** A string that is a member of the innermost container, and too long to be parsed at once. */
  beginString(member: MemberPlace): boolean {
    this.member = member;
    this.text = '';
    this.pieceFrom = member.valueFrom + 1;
    return this.beginMember(member);
  }

  /** What of the string stands before this byte, except for a character or an escape that it cuts. */
  addPiece(to: number): boolean {
    const cut = this.cutBefore(to);
    const piece = this.readText(this.pieceFrom, cut);
    if (piece === undefined) return false;
    this.text += piece;
    this.pieceFrom = cut;
    return true;
  }

  endString(at: number): boolean {
    const rest = this.readText(this.pieceFrom, at);
    if (rest === undefined || !this.put(this.text + rest)) return false;
    this.text = '';
    const { frame } = this;
    frame.takenTo = at + 1;
    frame.isMemberTaken = true;
    return true;
  }

  /** The name that stands here, spaces around it allowed. */
  readName(from: number, to: number): string | undefined {
    const name = this.parse(this.decode(from, to));
    return typeof name === 'string' ? name : undefined;
  }

  private get frame(): Frame {
    return this.frames.at(-1) as Frame;
  }

  private push(into: Container, openedAt: number): void {
    this.frames.push({ into, openedAt, takenTo: openedAt + 1, isMemberTaken: false });
  }

  /** Takes the members before this one, and checks what stands before its value. */
  private beginMember(member: MemberPlace): boolean {
    this.member = member;
    const { frame } = this;
    const { from, colonAt, valueFrom } = member;
    if (frame.isMemberTaken) return false;
    if (from > frame.takenTo) {
      if (this.isBlank(frame.takenTo, from - 1) || !this.take(from - 1)) return false;
      frame.takenTo = from;
    }
    if (Array.isArray(frame.into)) return this.isBlank(from, valueFrom);
    return colonAt !== -1 && this.isBlank(colonAt + 1, valueFrom);
  }

  private put(value: unknown): boolean {
    const { into } = this.frame;
    if (Array.isArray(into)) {
      into.push(value);
      return true;
    }
    const { from, colonAt } = this.member as MemberPlace;
    const name = this.readName(from, colonAt);
    if (name !== undefined) setMember(into, name, value);
    return name !== undefined;
  }

  /** Parses the members between what has been taken and this byte. */
  private take(to: number): boolean {
    const { into, takenTo } = this.frame;
    const text = this.decode(takenTo, to);
    if (Array.isArray(into)) {
      const items = this.parse(`[${text}]`);
      if (!Array.isArray(items)) return false;
      for (const item of items) into.push(item);
      return true;
    }
    const members = this.parse(`{${text}}`) as Record<string, unknown> | undefined;
    if (members === undefined) return false;
    for (const name of Object.keys(members)) setMember(into, name, members[name]);
    return true;
  }

  private readText(from: number, to: number): string | undefined {
    return this.parse(`"${this.decode(from, to)}"`) as string | undefined;
  }

  private decode(from: number, to: number): string {
    return this.isAscii ? this.bytes.toString('latin1', from, to) : this.bytes.toString('utf8', from, to);
  }

  private parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  private isBlank(from: number, to: number): boolean {
    for (let at = from; at < to; at++) if (!isSpace(this.bytes[at])) return false;
    return true;
  }

  /** The last place up to `to` that is not within a character or an escape. The piece begins at such a place. */
  private cutBefore(to: number): number {
    const { bytes, pieceFrom } = this;
    let cut = to;
    while (cut > pieceFrom && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut--;
    for (let at = cut - 1; at >= pieceFrom && at >= cut - 5; at--) {
      if (bytes[at] !== BACKSLASH) continue;
      let first = at;
      while (first > pieceFrom && bytes[first - 1] === BACKSLASH) first--;
      const isOpen = (at - first) % 2 === 0;
      const length = bytes[at + 1] === LETTER_U ? 6 : 2;
      return isOpen && at + length > cut ? at : cut;
    }
    return cut;
  }
}

/** As `JSON.parse` does it: `__proto__` is a name like any other. */
function setMember(into: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') into[name] = value;
  else Object.defineProperty(into, name, { value, writable: true, enumerable: true, configurable: true });
}
