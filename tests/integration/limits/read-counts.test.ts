import { expect, test } from '@jest/globals';
import type { CounterStore } from '../../../src/counters/counter-store.ts';
import { MemoryCounters } from '../../../src/counters/memory-counters.ts';
import { type LimitInput, makeCharges, makeLines } from '../../support/limit-lines.ts';
import { openObserved } from '../../support/limit-store.ts';
import { describeWithRedis } from '../../support/server-suite.ts';

const LINES: LimitInput[] = [
  { limit: 60, window: 60_000 },
  { limit: 100_000, window: 3_600_000, mode: 'leased' },
  { limit: 500, window: 60_000, algorithm: 'fixed_window' },
];

test('what is left in memory can be read without taking any', () => readsWithoutTaking(new MemoryCounters({ nowUs })));

describeWithRedis('in Redis', (redis) => {
  test('what is left can be read without taking any, leased units counted as left', async () => {
    const { store } = await openObserved(redis().url, `read${process.pid}:`);
    try {
      await readsWithoutTaking(store);
    } finally {
      await store.close();
    }
  });
});

async function readsWithoutTaking(store: CounterStore): Promise<void> {
  const charges = makeCharges(makeLines(...LINES), 'ada');
  expect(await store.read(charges)).toEqual([60, 100_000, 500]);
  for (let i = 0; i < 37; i++) expect((await store.decide(charges)).outcome).toBe('admitted');
  for (let i = 0; i < 3; i++) expect(await store.read(charges)).toEqual([23, 99_963, 463]);
  expect((await store.decide(charges)).outcome).toBe('admitted');
  expect(await store.read(charges)).toEqual([22, 99_962, 462]);
}

function nowUs(): number {
  return Math.round(performance.now() * 1000);
}
