/** Deeper than any request to a model, and shallow enough for readers that recurse. */
export const DEEPEST = 128;
/** Objects and lists: each takes many times the memory of its two bytes. */
export const MOST_SECTIONS = 60_000;
export const MOST_FIELDS = 1_000;
/** Members of objects at any depth: each is a name that has to be looked up. */
export const MOST_MEMBERS = 150_000;
/** Of one object of a long body. */
export const MOST_NAMES = 10_000;
/** Commas outside of strings: the items of all lists, which may be the tokens of long texts. */
export const MOST_ITEMS = 1_000_000;
/** Bytes of a name as it is written. V8 tells names over 16 KiB of one length apart only by comparing each with each. */
export const LONGEST_NAME = 256;
/** Characters of a number. */
export const LONGEST_NUMBER = 1_000;

/** Why a body is not read; completes "is". */
export type Excess = 'nested too deeply' | 'made of too many parts' | 'made of names or numbers that are too long';

/** Whether what stands between two marks, spaces not counted, is longer than a number may be. */
export function isTooLongNumber(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from <= LONGEST_NUMBER) return false;
  let [start, end] = [from, to];
  while (start < end && isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return end - start > LONGEST_NUMBER;
}

export function isSpace(code: number | undefined): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Bodies of more bytes are read and written in steps: at once they would make everybody else wait. */
const LONG_BODY_BYTES = 256 * 1024;

export function isLongBody(bytes: Uint8Array | undefined): bytes is Uint8Array {
  return bytes !== undefined && bytes.length > LONG_BODY_BYTES;
}
