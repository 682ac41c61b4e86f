import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatSize, parseSize, SIZE_PATTERN } from './size.ts';

describe('parseSize', () => {
  test.each([
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['1.5 KiB', 1_536],
    ['10MB', 10_000_000],
    ['512B', 512],
    ['512', 512],
    [512, 512],
    [0, 0],
  ])('reads %p as %p bytes', (written, bytes) => expect(parseSize(written)).toBe(bytes));

  test.each(['', 'KiB', '1kib', '1TiB', '-1', '1e3', true, null, -1, '9'.repeat(30)])(
    'reads %p as no size',
    (written) => expect(parseSize(written)).toBeUndefined(),
  );

  test('reads back what formatSize writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 14 }), (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes);
        expect(formatSize(bytes)).toMatch(new RegExp(SIZE_PATTERN));
      }),
    );
  });
});
