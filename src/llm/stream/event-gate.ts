import { PieceList } from '../../lib/piece-list.ts';

/** Bytes of an unfinished event that are held back; a longer one is passed as it comes. */
const MOST_HELD_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * Lets the bytes of an event stream pass but for events that are to be hidden. Whole events pass at once; the beginning
 * of one waits for its end, since only then is it known what it is.
 */
export class EventGate {
  private readonly held = new PieceList();
  /** The current event has become too long to be held: it passes. */
  private isLong = false;
  private passing: Buffer[] = [];
  /** Where in the current chunk the bytes begin that pass. */
  private from = 0;

  /** An event ends in the chunk that is being read: it takes the chunk's bytes from `start` up to `end`. */
  decide(chunk: Buffer, start: number, end: number, isHidden: boolean): void {
    if (isHidden && !this.isLong) {
      if (start > this.from) this.passing.push(chunk.subarray(this.from, start));
      this.from = end;
    } else if (this.held.bytes > 0) this.passing.push(this.held.take());
    if (this.held.bytes > 0) this.held.clear();
    this.isLong = false;
  }

  /** The chunk has been read; from `rest` on it belongs to an event that has not ended. What passes of it. */
  take(chunk: Buffer, rest: number): Buffer {
    const end = this.isLong ? chunk.length : rest;
    if (end === chunk.length && this.from === 0 && this.passing.length === 0) return chunk;
    if (end > this.from) this.passing.push(chunk.subarray(this.from, end));
    if (end < chunk.length) this.hold(chunk.subarray(end));
    this.from = 0;
    return this.release();
  }

  /** The stream has ended: what is held back of an event without an end. */
  flush(isHidden: boolean): Buffer {
    if (!isHidden && this.held.bytes > 0) this.passing.push(this.held.take());
    this.held.clear();
    return this.release();
  }

  private hold(piece: Buffer): void {
    this.held.add(piece);
    if (this.held.bytes <= MOST_HELD_BYTES) return;
    this.passing.push(this.held.take());
    this.isLong = true;
  }

  private release(): Buffer {
    const { passing } = this;
    if (passing.length === 0) return NOTHING;
    this.passing = [];
    return passing.length === 1 ? (passing[0] as Buffer) : Buffer.concat(passing);
  }
}
