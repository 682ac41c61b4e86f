import type { Clock } from '../lib/clock.ts';

/** Epoch microseconds that never go back and do not jump: read off the wall once, then counted by the steady clock. */
export function createOwnTime(clock: Clock): () => number {
  const offset = clock.now() - clock.monotonic();
  return () => Math.round((offset + clock.monotonic()) * 1000);
}
