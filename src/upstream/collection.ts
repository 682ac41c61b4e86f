import { type FailureKind, UpstreamFailure } from './attempt.ts';

/** The body of an answer on its way to be handed over whole. */
export class Collection {
  /** Rejects with `UpstreamFailure`. */
  readonly whole: Promise<Buffer>;

  private readonly chunks: Buffer[] = [];
  private bytesLeft: number;
  private readonly resolve: (body: Buffer) => void;
  private readonly reject: (failure: UpstreamFailure) => void;

  constructor(maxBytes: number) {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.whole = promise;
    this.resolve = resolve;
    this.reject = reject;
    this.bytesLeft = maxBytes;
  }

  /** False when the body has more bytes than were asked for. */
  add(chunk: Buffer): boolean {
    this.bytesLeft -= chunk.length;
    this.chunks.push(chunk);
    return this.bytesLeft >= 0;
  }

  finish(): void {
    this.resolve(this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks));
  }

  fail(kind: FailureKind): void {
    this.reject(new UpstreamFailure(kind, true));
  }
}
