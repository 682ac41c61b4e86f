import type { FailureKind } from './attempt.ts';

/**
 * After a chunk: `flowing` for more, `full` when the client cannot take more for now, `ended` when the response is
 * complete, `failed` when nothing sensible can follow, `spent` when the rest is not needed.
 */
export type SinkState = 'flowing' | 'full' | 'ended' | 'failed' | 'spent';

/** Where the body of an answer goes. After `finish` or `fail` it is given nothing more. */
export interface BodySink {
  take(chunk: Buffer): SinkState;
  /** The body has ended well; false when it is not whole all the same, and `fail` follows. */
  finish(): boolean;
  /** The body will not be complete. */
  fail(kind: FailureKind): void;
}
