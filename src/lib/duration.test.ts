import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DURATION_PATTERN, formatDuration, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['30d', 2_592_000_000],
    [' 2s ', 2_000],
    ['60', 60_000],
    [60, 60_000],
    [0.25, 250],
    [0, 0],
  ])('reads %p as %p ms', (written, ms) => expect(parseDuration(written)).toBe(ms));

  test.each([
    '',
    's',
    '5q',
    '1h30m',
    '-1s',
    '1e3',
    '٣s',
    'off',
    true,
    null,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '9'.repeat(30),
  ])('reads %p as no duration', (written) => expect(parseDuration(written)).toBeUndefined());

  test('reads back what formatDuration writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
        expect(formatDuration(ms)).toMatch(new RegExp(DURATION_PATTERN));
      }),
    );
  });

  test('reads a text exactly when the published pattern accepts it, bounds apart', () => {
    const texts = fc.stringMatching(/^[0-9.]{0,4}(ms|s|m|h|d|x)?$/);
    fc.assert(
      fc.property(texts, (text) =>
        expect(parseDuration(text) !== undefined).toBe(new RegExp(DURATION_PATTERN).test(text)),
      ),
    );
  });
});
