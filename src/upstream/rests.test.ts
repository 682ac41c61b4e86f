import { expect, test } from '@jest/globals';
import { Rests } from './rests.ts';

test('a model rests alone, and the whole target with all of them', () => {
  const rests = new Rests();
  expect([rests.isEmpty, rests.endOf('a', 0)]).toEqual([true, 0]);
  rests.begin('a', 100);
  expect([rests.endOf('a', 99), rests.endOf('b', 99), rests.endOf('a', 100)]).toEqual([100, 0, 0]);
  rests.begin(undefined, 300);
  expect([rests.endOf('a', 200), rests.endOf('b', 200), rests.endOf('b', 300)]).toEqual([300, 300, 0]);
  expect(rests.isEmpty).toBe(true);
});

test('a rest is not cut short by a later and shorter one', () => {
  const rests = new Rests();
  rests.begin('a', 900);
  rests.begin('a', 200);
  expect(rests.views(100)).toEqual([{ model: 'a', endsInMs: 800 }]);
});

test('names that clients make up are bounded', () => {
  const rests = new Rests();
  for (let i = 0; i < 5_000; i++) rests.begin(`m${i}`, 10);
  expect(rests.views(0)).toHaveLength(1_000);
  expect([rests.endOf('m0', 0), rests.endOf('m4999', 0)]).toEqual([0, 10]);
});
