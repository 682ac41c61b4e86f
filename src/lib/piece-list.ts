/** Pieces that are looked at together, and how small they must be on the average to be joined. */
const TOGETHER = 256;
const SMALL_BYTES = 1024;

/**
 * Collects bytes that arrive in pieces. The sender chooses the size of the pieces, and a piece of one byte would cost a
 * hundred times its size, so small pieces are joined as they arrive. The total size is not limited here.
 */
export class PieceList {
  bytes = 0;
  private done: Buffer[] = [];
  private latest: Buffer[] = [];
  private latestBytes = 0;

  add(piece: Buffer): void {
    this.latest.push(piece);
    this.bytes += piece.length;
    this.latestBytes += piece.length;
    if (this.latest.length === TOGETHER) this.settle();
  }

  /** Returns everything in one buffer and empties the list. */
  take(): Buffer {
    const pieces = this.done.length === 0 ? this.latest : [...this.done, ...this.latest];
    const whole = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, this.bytes);
    this.clear();
    return whole;
  }

  clear(): void {
    this.bytes = 0;
    this.done = [];
    this.forgetLatest();
  }

  private settle(): void {
    if (this.latestBytes < TOGETHER * SMALL_BYTES) this.done.push(Buffer.concat(this.latest, this.latestBytes));
    else this.done.push(...this.latest);
    this.forgetLatest();
  }

  private forgetLatest(): void {
    this.latest = [];
    this.latestBytes = 0;
  }
}
