import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answersOf, DIRECTIONS, translateBothWays } from '../../../tests/support/stream-equality.ts';

test.each(DIRECTIONS)('a streamed answer of %s is to a client of %s what the whole one is', (upstream, client) => {
  const sizes = fc.record({
    chunkBytes: fc.integer({ min: 1, max: 900 }),
    pieceLength: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(
    fc.property(answersOf(upstream), sizes, (answer, cut) => {
      const { whole, streamed } = translateBothWays(answer, [upstream, client], cut);
      expect(streamed).toEqual(whole);
    }),
    { numRuns: 40 },
  );
});
