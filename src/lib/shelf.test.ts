import { expect, test } from '@jest/globals';
import { Shelf } from './shelf.ts';

test('hands out the same object for the same key, and forgets what a whole round did not ask for', () => {
  const shelf = new Shelf();
  const first = shelf.keep('a', () => ({ made: 1 }));
  const other = shelf.keep('b', () => ({ made: 2 }));
  expect(shelf.sweep()).toEqual([]);
  expect(shelf.keep('a', () => ({ made: 3 }))).toBe(first);
  expect(shelf.sweep()).toEqual([other]);
  expect(shelf.keep('b', () => ({ made: 4 }))).toEqual({ made: 4 });
});
