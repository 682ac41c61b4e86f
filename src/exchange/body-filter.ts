import type { Rejection } from '../errors/rejection.ts';

/**
 * Changes, or only reads, the bytes of a response on their way to the client, chunk by chunk and in the tick in which
 * they arrive. Must not throw.
 */
export interface BodyFilter {
  /** What goes on for this chunk: the chunk itself, something else, or nothing (an empty buffer). */
  write(chunk: Buffer): Buffer;
  /** The upstream's body ended well: what is still to go on. */
  end(): Buffer;
  /** Asked after `end`: false when what came is not whole, so that the client must not take it for the whole. */
  readonly isWhole: boolean;
  /** Set as soon as nothing sensible can follow any more: the client is told this, and the upstream is left. */
  readonly failure?: Rejection | undefined;
  /** The content itself has said that it is over: what becomes of the connection then is of no interest. */
  readonly hasEnded?: boolean;
  /** Asked after `end` when it is not whole: true when the upstream has told the client so itself. */
  readonly hasPassedError?: boolean;
}

const NOTHING = Buffer.alloc(0);

/** What goes on for this chunk after all filters, in order. */
export function passThrough(filters: readonly BodyFilter[], chunk: Buffer): Buffer {
  let passing = chunk;
  for (const filter of filters) {
    if (passing.length === 0) return passing;
    passing = filter.write(passing);
  }
  return passing;
}

/** Ends all filters, in order: what is still to go on. What one holds back passes those after it. */
export function flush(filters: readonly BodyFilter[]): Buffer {
  let passing: Buffer = NOTHING;
  for (const filter of filters) {
    const written = passing.length === 0 ? passing : filter.write(passing);
    const last = filter.end();
    passing = written.length === 0 ? last : last.length === 0 ? written : Buffer.concat([written, last]);
  }
  return passing;
}
