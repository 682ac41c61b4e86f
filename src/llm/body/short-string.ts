const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SHORT = 32;

/** Index of the closing quote of a string that is short and has no escapes, or -1. */
export function endOfShortString(bytes: Uint8Array, from: number, until: number): number {
  const near = Math.min(until, from + SHORT);
  for (let at = from; at < near; at++) {
    const code = bytes[at];
    if (code === QUOTE) return at;
    if (code === BACKSLASH) return -1;
  }
  return -1;
}
