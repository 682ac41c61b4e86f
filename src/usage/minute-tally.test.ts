import { expect, test } from '@jest/globals';
import { type Answered, MinuteTally } from './minute-tally.ts';

const MINUTE_MS = 60_000;
const NOW = 1_790_000_040_000;

function answered(fields: Partial<Answered> = {}): Answered {
  const plain = { consumer: 'ada', service: 'web', route: 'web', status: 200, isRecorded: false, isCounted: true };
  return { ...plain, ...fields };
}

test('counts by consumer, route and status, and gives what changed, with its sum so far', () => {
  const tally = new MinuteTally();
  for (let i = 0; i < 3; i++) tally.add(answered(), NOW);
  tally.add(answered({ status: 500 }), NOW);
  tally.add(answered({ consumer: 'bo' }), NOW);
  const requests = (counts: readonly { consumer: string; status: number; requests: number }[]) =>
    counts.map((count) => [count.consumer, count.status, count.requests]);
  expect(requests(tally.take().counts)).toEqual([
    ['ada', 200, 3],
    ['ada', 500, 1],
    ['bo', 200, 1],
  ]);
  expect(tally.take().counts).toEqual([]);
  tally.add(answered(), NOW);
  expect(requests(tally.take().counts)).toEqual([['ada', 200, 4]]);
});

test('counts of ten thousand routes do not get in each other’s way', () => {
  const [few, many] = [10, 10_000].map((routes) => {
    const tally = new MinuteTally();
    const each = Array.from({ length: routes }, (_, i) => answered({ route: `r${i}` }));
    for (let i = 0; i < 20_000; i++) tally.add(each[i % routes] as ReturnType<typeof answered>, NOW);
    return tally.take().counts.reduce((sum, { requests }) => sum + requests, 0);
  });
  expect([few, many]).toEqual([20_000, 20_000]);
});

test('what could not be stored is given again', () => {
  const tally = new MinuteTally();
  tally.add(answered(), NOW);
  const { counts, keep } = tally.take();
  keep();
  expect(tally.take().counts).toEqual(counts);
});

test('minutes that are over and stored are forgotten, others wait', () => {
  const tally = new MinuteTally();
  tally.add(answered(), NOW);
  tally.forget(NOW + 10 * MINUTE_MS);
  expect(tally.oldest).toBe(Math.floor(NOW / MINUTE_MS));
  tally.take();
  tally.forget(NOW + MINUTE_MS);
  expect(tally.oldest).toBe(Math.floor(NOW / MINUTE_MS));
  tally.forget(NOW + 2 * MINUTE_MS);
  expect(tally.oldest).toBe(Number.POSITIVE_INFINITY);
});

test('requests of the last seconds are counted by the second, without what does not count', () => {
  const tally = new MinuteTally();
  for (let second = 0; second < 90; second++) tally.add(answered(), NOW + second * 1000);
  tally.add(answered({ isCounted: false }), NOW + 89_000);
  const last = NOW / 1000 + 89;
  expect(tally.countSince('ada', last - 59)).toBe(60);
  expect(tally.countSince('ada', last)).toBe(1);
  expect(tally.countSince('bo', 0)).toBe(0);
});

test('a flood of names costs bounded memory, and no request is left out', () => {
  const tally = new MinuteTally();
  for (let n = 0; n < 50_100; n++) tally.add(answered({ consumer: `c${n}` }), NOW);
  const { counts } = tally.take();
  expect(counts).toHaveLength(50_001);
  expect(counts.find(({ consumer }) => consumer === '')?.requests).toBe(100);
});

test('a clock that was set back opens no stored minute anew', () => {
  const tally = new MinuteTally();
  for (let i = 0; i < 3; i++) tally.add(answered(), NOW);
  expect(tally.take().counts).toHaveLength(1);
  tally.forget(NOW + 3 * MINUTE_MS);
  tally.add(answered(), NOW);
  const [again] = tally.take().counts;
  expect(again).toMatchObject({ minute: NOW / MINUTE_MS + 1, requests: 1 });
});
