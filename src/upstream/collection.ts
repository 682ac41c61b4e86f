import { PieceList } from '../lib/piece-list.ts';
import { type FailureKind, UpstreamFailure } from './attempt.ts';
import type { BodySink, SinkState } from './body-sink.ts';

/** The body of an answer on its way to be handed over whole. */
export class Collection implements BodySink {
  /** Rejects with `UpstreamFailure`. */
  readonly whole: Promise<Buffer>;

  private readonly pieces = new PieceList();
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

  take(chunk: Buffer): SinkState {
    this.bytesLeft -= chunk.length;
    this.pieces.add(chunk);
    return this.bytesLeft < 0 ? 'failed' : 'flowing';
  }

  finish(): boolean {
    this.resolve(this.pieces.take());
    return true;
  }

  fail(kind: FailureKind): void {
    this.reject(new UpstreamFailure(kind, true));
  }
}
