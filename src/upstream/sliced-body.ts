import { Readable } from 'node:stream';
import type { BodyPayload } from '../exchange/request-body.ts';

const SLICE_BYTES = 64 * 1024;

/** A large body in one write would not show whether the upstream takes it. */
export function inPieces(body: BodyPayload): BodyPayload {
  return Buffer.isBuffer(body) && body.length > SLICE_BYTES ? new SlicedBody(body) : body;
}

/** A body from memory, handed over piece by piece: so it shows that an upstream takes it, however slowly. */
class SlicedBody extends Readable {
  private readonly body: Buffer;
  private at = 0;

  constructor(body: Buffer) {
    super({ highWaterMark: SLICE_BYTES });
    this.body = body;
  }

  override _read(): void {
    if (this.at >= this.body.length) return void this.push(null);
    const from = this.at;
    this.at += SLICE_BYTES;
    this.push(this.body.subarray(from, this.at));
  }
}
