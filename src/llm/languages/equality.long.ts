import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answersOf, DIRECTIONS, translateBothWays } from '../../../tests/support/stream-equality.ts';

test.each(DIRECTIONS)('5,000 answers of %s to clients of %s, streamed and whole', (upstream, client) => {
  const sizes = fc.record({
    chunkBytes: fc.integer({ min: 1, max: 4_000 }),
    pieceLength: fc.integer({ min: 1, max: 100 }),
  });
  fc.assert(
    fc.property(answersOf(upstream), sizes, (answer, cut) => {
      const { whole, streamed } = translateBothWays(answer, [upstream, client], cut);
      expect(streamed).toEqual(whole);
    }),
    { numRuns: 5_000 },
  );
});
