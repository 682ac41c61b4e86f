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
}
