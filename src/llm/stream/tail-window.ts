/** What is kept at least: usage stands at the end of answers, and takes some hundred bytes. */
const KEPT_BYTES = 64 * 1024;
/** More are joined: whoever sends chooses how small they are. */
const MOST_PIECES = 256;

/** The end of a text that comes in pieces and may be longer than is worth keeping. Copies nothing before it is read, unless it comes in crumbs. */
export class TailWindow {
  private pieces: Buffer[] = [];
  private bytes = 0;
  /** More has come than is kept. */
  isCut = false;

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  add(piece: Buffer): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
    while (this.pieces.length > 1 && this.bytes - (this.pieces[0] as Buffer).length >= KEPT_BYTES) {
      this.bytes -= (this.pieces.shift() as Buffer).length;
      this.isCut = true;
    }
    if (this.pieces.length > MOST_PIECES) this.pieces = [Buffer.concat(this.pieces)];
  }

  /** As latin1, where no byte is lost and every byte is a character. Begins anew. */
  take(): string {
    const text = (this.pieces.length === 1 ? (this.pieces[0] as Buffer) : Buffer.concat(this.pieces)).toString(
      'latin1',
    );
    this.pieces = [];
    this.bytes = 0;
    this.isCut = false;
    return text;
  }
}
