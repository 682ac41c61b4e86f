import { expect, test } from '@jest/globals';
import { type BodyFilter, flush, passThrough } from './body-filter.ts';

/** Holds back the last byte it was given, and marks what it passes. */
function holding(mark: string): BodyFilter {
  let held = '';
  return {
    isWhole: true,
    write: (chunk) => {
      const text = held + chunk.toString();
      held = text.slice(-1);
      return Buffer.from(text.slice(0, -1).replaceAll(/./g, (byte) => byte + mark));
    },
    end: () => Buffer.from(held === '' ? '' : held + mark),
  };
}

test('bytes pass the filters in order, and what one holds back passes those after it', () => {
  const filters = [holding('-'), holding('.')];
  const passed = ['a', 'bc', 'd'].map((text) => passThrough(filters, Buffer.from(text)).toString());
  expect(passed).toEqual(['', 'a.-.b.', '-.c.']);
  expect(flush(filters).toString()).toBe('-.d.-.');
});

test('a filter is not asked about nothing', () => {
  const silent: BodyFilter = { isWhole: true, write: () => Buffer.alloc(0), end: () => Buffer.alloc(0) };
  const never: BodyFilter = {
    ...silent,
    write: () => {
      throw new Error('asked about nothing');
    },
  };
  expect(passThrough([silent, never], Buffer.from('a'))).toHaveLength(0);
  expect(flush([silent, never])).toHaveLength(0);
});
