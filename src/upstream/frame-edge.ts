/**
 * Follows the frames of a WebSocket in one direction (RFC 6455 section 5.2), to know where one ends and the next begins.
 * It looks at frame headers only and keeps nothing of the payload.
 */
export class FrameEdge {
  private readonly header = Buffer.alloc(14);
  private headerBytes = 0;
  private payloadLeft = 0;

  /** Between two frames another one may be put in, also between the fragments of one message. */
  get isBetweenFrames(): boolean {
    return this.headerBytes === 0 && this.payloadLeft === 0;
  }

  /** Takes the next bytes, up to the end of the first frame if so wanted, and returns how many it took. */
  take(chunk: Buffer, stopAtEdge = false): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.payloadLeft > 0) {
        const bytes = Math.min(this.payloadLeft, chunk.length - at);
        this.payloadLeft -= bytes;
        at += bytes;
      } else {
        this.header[this.headerBytes++] = chunk[at++] as number;
        if (this.headerBytes === this.headerLength()) this.beginPayload();
      }
      if (stopAtEdge && this.isBetweenFrames) return at;
    }
    return at;
  }

  private headerLength(): number {
    if (this.headerBytes < 2) return 2;
    const second = this.header[1] as number;
    return 2 + extendedLengthBytes(second & 0x7f) + (second & 0x80 ? 4 : 0);
  }

  private beginPayload(): void {
    const short = (this.header[1] as number) & 0x7f;
    const bytes = extendedLengthBytes(short);
    this.payloadLeft =
      bytes === 0 ? short : bytes === 2 ? this.header.readUInt16BE(2) : Number(this.header.readBigUInt64BE(2));
    this.headerBytes = 0;
  }
}

function extendedLengthBytes(short: number): 0 | 2 | 8 {
  return short === 127 ? 8 : short === 126 ? 2 : 0;
}
