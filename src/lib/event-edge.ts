const LF = 10;
const CR = 13;

/** Follows an event stream to know whether the bytes seen so far end with a whole event. */
export class EventEdge {
  /** The last four bytes, the latest lowest; a stream begins between two events. */
  private last = (LF << 8) | LF;

  /** Whether the stream ends between two events after this chunk. Costs the same for every size. */
  isAtEnd(chunk: Buffer): boolean {
    for (let i = Math.max(0, chunk.length - 4); i < chunk.length; i++) {
      this.last = (this.last << 8) | (chunk[i] as number);
    }
    const { last } = this;
    const final = last & 0xff;
    const before = (last >> 8) & 0xff;
    if (final === CR) return before === CR || before === LF;
    if (final !== LF) return false;
    // LF after CR is the second half of one line end (HTML standard, section 9.2.5).
    const previous = before === CR ? (last >> 16) & 0xff : before;
    return previous === LF || previous === CR;
  }
}
