import { expect, test } from '@jest/globals';
import { PaceMeter } from './body-pace.ts';

const START = 65 * 1024;

/** Delivers so many bytes each second after a quick beginning; the second in which it is found too slow. */
function refusedAfter(bytesEachSecond: (second: number) => number, seconds = 300): number | undefined {
  const meter = new PaceMeter({ idle: 10_000, bytesPerSecond: 1_000 });
  meter.count(START, 0);
  for (let second = 1; second <= seconds; second++)
    if (!meter.count(bytesEachSecond(second), second * 1_000)) return second;
  return undefined;
}

test('a body that is fast enough in each interval passes, however long it takes', () => {
  expect(refusedAfter(() => 1_000)).toBeUndefined();
  expect(refusedAfter((second) => (second % 9 === 0 ? 10_000 : 0))).toBeUndefined();
});

test('a slow interval ends it, whatever came before: nothing can be saved up', () => {
  expect(refusedAfter(() => 900)).toBeLessThanOrEqual(40);
  const late = refusedAfter((second) => (second <= 60 ? 1_000_000 : 100));
  expect(late).toBeGreaterThan(60);
  expect(late).toBeLessThanOrEqual(100);
});

test('the first 64 KiB may come as slowly as they like', () => {
  const meter = new PaceMeter({ idle: 10_000, bytesPerSecond: 1_000 });
  for (let second = 0; second < 600; second++) expect(meter.count(100, second * 1_000)).toBe(true);
});

test('time in which the client was not asked for more does not count', () => {
  const meter = new PaceMeter({ idle: 10_000, bytesPerSecond: 1_000 });
  meter.count(START, 0);
  meter.excuse(100_000);
  expect(meter.count(1, 105_000)).toBe(true);
  expect(meter.count(1, 141_000)).toBe(false);
});
