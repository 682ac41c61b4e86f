import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createIsoTime } from './iso-time.ts';

test('prints what Date prints, also when time jumps back and forth', () => {
  const isoTime = createIsoTime();
  const moment = fc.integer({ min: 0, max: 4_102_444_800_000 });
  fc.assert(
    fc.property(fc.array(fc.tuple(moment, fc.integer({ min: 0, max: 1500 }))), (jumps) => {
      for (const [start, step] of jumps) {
        expect(isoTime(start)).toBe(new Date(start).toISOString());
        expect(isoTime(start + step)).toBe(new Date(start + step).toISOString());
      }
    }),
  );
});
