import { crc32 } from 'node:zlib';
import { ID_FROM, ID_LENGTH } from '../usage-row.ts';

/**
 * One record in a journal: two bytes that begin every record, a checksum over all that follows it, the kind, the length
 * of the text, and the text, which is ASCII and begins with the id. Numbers are little-endian.
 *
 * `opened` an exchange is about to call its upstream; the text is the estimate to use if no other record follows ·
 * `settled` the final amounts · `void` the exchange called no upstream; the text is the id alone.
 */
export type FrameKind = 'opened' | 'settled' | 'void';

export interface Frame {
  readonly kind: FrameKind;
  readonly id: string;
  /** The position of its text in the bytes that were read. */
  readonly from: number;
  readonly to: number;
}

const HEAD_LENGTH = 11;
/** The first byte cannot occur in a text; the second is the version of the format. */
const MARK = Buffer.from([0xf7, 0x01]);
const CHECKED_FROM = 6;

const LETTERS: Readonly<Record<FrameKind, number>> = { opened: 0x6f, settled: 0x73, void: 0x76 };
const KINDS = new Map(Object.entries(LETTERS).map(([kind, letter]) => [letter, kind as FrameKind]));

/** The bytes a record with this text has. */
export function sizeOf(text: string): number {
  return HEAD_LENGTH + text.length;
}

/** Writes a record at `at`, where `sizeOf(text)` bytes must be free. */
export function writeFrame(into: Buffer, at: number, kind: FrameKind, text: string): void {
  into[at] = 0xf7;
  into[at + 1] = 0x01;
  into[at + CHECKED_FROM] = LETTERS[kind];
  into.writeUInt32LE(text.length, at + CHECKED_FROM + 1);
  into.write(text, at + HEAD_LENGTH, 'latin1');
  into.writeUInt32LE(crc32(into.subarray(at + CHECKED_FROM, at + HEAD_LENGTH + text.length)), at + 2);
}

/**
 * All whole records, in order. Whatever else there is (a record cut short by a crash, damaged bytes) is passed over, and
 * costs no record but those it stands in.
 */
export function* readFrames(bytes: Buffer): Generator<Frame> {
  let at = bytes.indexOf(MARK);
  while (at !== -1) {
    const frame = readFrame(bytes, at);
    if (frame) yield frame;
    const next = frame ? frame.to : at + 1;
    // Records follow each other without a gap: a search is needed only where something is wrong.
    at = bytes[next] === MARK[0] && bytes[next + 1] === MARK[1] ? next : bytes.indexOf(MARK, next);
  }
}

function readFrame(bytes: Buffer, at: number): Frame | undefined {
  const from = at + HEAD_LENGTH;
  if (from > bytes.length) return undefined;
  const kind = KINDS.get(bytes[at + CHECKED_FROM] as number);
  const to = from + bytes.readUInt32LE(at + CHECKED_FROM + 1);
  if (!kind || to > bytes.length) return undefined;
  if (crc32(bytes.subarray(at + CHECKED_FROM, to)) !== bytes.readUInt32LE(at + 2)) return undefined;
  return { kind, id: bytes.toString('latin1', from + ID_FROM, from + ID_FROM + ID_LENGTH), from, to };
}
