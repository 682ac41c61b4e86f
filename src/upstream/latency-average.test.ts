import { expect, test } from '@jest/globals';
import { LatencyAverage } from './latency-average.ts';

test('the first figure counts whole, every further one a fifth', () => {
  const average = new LatencyAverage();
  expect(average.expectedMs(0)).toBe(0);
  average.note(100, 0);
  expect(average.ms).toBe(100);
  average.note(200, 1);
  expect(average.ms).toBe(120);
});

test('a figure that nobody refreshes counts half after 30 seconds', () => {
  const average = new LatencyAverage();
  average.note(800, 1_000);
  expect(average.expectedMs(1_000)).toBe(800);
  expect(average.expectedMs(31_000)).toBe(400);
  expect(average.expectedMs(91_000)).toBe(100);
});

test('while somebody finds out, an old figure counts whole and an unknown one as endless', () => {
  const [known, unknown] = [new LatencyAverage(), new LatencyAverage()];
  known.note(800, 0);
  for (const average of [known, unknown]) average.startTrial(60_000);
  expect(known.expectedMs(60_000)).toBe(800);
  expect(unknown.expectedMs(60_000)).toBe(Number.POSITIVE_INFINITY);
  expect(unknown.expectedMs(90_000)).toBe(0);
});
