import { expect, test } from '@jest/globals';
import { createBoundedCache } from './bounded-cache.ts';

test('keeps as many entries as it may, and of those the ones used last', () => {
  const cache = createBoundedCache<string, number>(3);
  for (const [index, key] of ['a', 'b', 'c'].entries()) cache.set(key, index);
  cache.get('a');
  cache.set('d', 3);
  expect([...cache.keys()].toSorted()).toEqual(['a', 'c', 'd']);
});

test('holds a hundred thousand entries and not one more', () => {
  const cache = createBoundedCache<number, true>(100_000);
  for (let key = 0; key < 100_100; key += 1) cache.set(key, true);
  expect(cache.size).toBe(100_000);
  expect(cache.has(99)).toBe(false);
  expect(cache.has(100)).toBe(true);
});

test('forgets an entry when its time is over', async () => {
  const cache = createBoundedCache<string, number>(3, 1);
  cache.set('a', 1);
  const end = performance.now() + 2000;
  while (cache.has('a') && performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
  expect(cache.get('a')).toBeUndefined();
});
