/** What is kept at least: usage stands at the end of answers, and takes some hundred bytes. */
const KEPT_BYTES = 64 * 1024;
/** What an event is stands at its beginning; and some servers report usage before a long list of vectors. */
const HEAD_BYTES = 4 * 1024;
/** So many are joined: the sender chooses how small they are. */
const MOST_CRUMBS = 256;
/** A piece that is worth keeping as it is. */
const LARGE_BYTES = 4 * 1024;

/**
 * Beginning and end of a text that comes in pieces and may be longer than is worth keeping. Copies nothing before it is
 * read, unless it is long or comes in crumbs.
 */
export class TailWindow {
  private pieces: Buffer[] = [];
  /** The latest, until they are so many that they are joined. */
  private crumbs: Buffer[] = [];
  private bytes = 0;
  /** More has come than is kept. */
  isCut = false;
  /** The beginning, once the piece that holds it is no longer kept. */
  private head: Buffer | undefined;

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  add(piece: Buffer): void {
    this.crumbs.push(piece);
    this.bytes += piece.length;
    if (piece.length >= LARGE_BYTES || this.crumbs.length === MOST_CRUMBS) this.settle();
  }

  /** As latin1, where no byte is lost and every byte is a character; the gap, if any, is a line of its own. Begins anew. */
  take(): string {
    const pieces = this.pieces.length === 0 ? this.crumbs : [...this.pieces, ...this.crumbs];
    const tail = (pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)).toString('latin1');
    const text = this.head ? `${this.head.toString('latin1')}\n${tail}` : tail;
    this.pieces = [];
    this.crumbs = [];
    this.bytes = 0;
    this.isCut = false;
    this.head = undefined;
    return text;
  }

  private settle(): void {
    this.pieces.push(this.crumbs.length === 1 ? (this.crumbs[0] as Buffer) : Buffer.concat(this.crumbs));
    this.crumbs = [];
    while (this.pieces.length > 1 && this.bytes - (this.pieces[0] as Buffer).length >= KEPT_BYTES) {
      const dropped = this.pieces.shift() as Buffer;
      this.head ??= Buffer.from(dropped.subarray(0, HEAD_BYTES));
      this.bytes -= dropped.length;
      this.isCut = true;
    }
  }
}
