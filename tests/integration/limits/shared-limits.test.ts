// One limit, several processes: exact, whatever their number and whatever is asked at once.
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Charge } from '../../../src/counters/counter-store.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connectRedis } from '../../../src/storage/redis.ts';
import { type LimitInput, makeCharges, makeLines } from '../../support/limit-lines.ts';
import { type ObservedStore, openObserved } from '../../support/limit-store.ts';
import { until } from '../../support/poll.ts';
import { describeWithRedis } from '../../support/server-suite.ts';

const opened: ObservedStore[] = [];
let prefixes = 0;

afterEach(async () => {
  for (const { store } of opened.splice(0)) await store.close();
});

async function openFleet(url: string, size: number): Promise<{ stores: ObservedStore[]; prefix: string }> {
  const prefix = `shared:${process.pid}:${(prefixes += 1)}:`;
  // Exactness is asked about here, not how soon a Redis that starves on a busy test machine is given up.
  const stores = await Promise.all(Array.from({ length: size }, () => openObserved(url, prefix, { silenceMs: 2_500 })));
  opened.push(...stores);
  return { stores, prefix };
}

/** At most 3,000 requests are under way at any moment. */
async function countAdmitted(stores: ObservedStore[], requests: number, charges: readonly Charge[]): Promise<number> {
  let asked = 0;
  let admitted = 0;
  const ask = async (): Promise<void> => {
    while (asked < requests) {
      const decision = await stores[(asked += 1) % stores.length]?.store.decide(charges);
      if (decision?.outcome === 'admitted') admitted += 1;
    }
  };
  await Promise.all(Array.from({ length: 3_000 }, ask));
  return admitted;
}

describeWithRedis('limits shared by three processes', (redis) => {
  test.each<[string, LimitInput]>([
    ['sliding_window', { limit: 5_000, window: 600_000 }],
    ['fixed_window', { limit: 5_000, window: 31_622_400_000, algorithm: 'fixed_window' }],
    ['token_bucket', { limit: 1, window: 86_400_000, burst: 5_000, algorithm: 'token_bucket' }],
  ])('admit exactly the limit of 20,000 concurrent requests: %s', async (_name, limit) => {
    const { stores } = await openFleet(redis().url, 3);
    const charges = makeCharges(makeLines({ ...limit, mode: 'strict' }), 'ada');
    const admitted = await countAdmitted(stores, 20_000, charges);
    for (const { states } of stores) expect(states).toEqual(['up']);
    expect(admitted).toBe(5_000);
  });

  test('admit no more and lose no unit when they are taken in advance', async () => {
    const { stores } = await openFleet(redis().url, 3);
    const charges = makeCharges(makeLines({ limit: 15_000, window: 600_000, mode: 'leased' }), 'ada');
    let admitted = await countAdmitted(stores, 20_000, charges);
    for (const { states } of stores) expect(states).toEqual(['up']);
    expect(admitted).toBeLessThanOrEqual(15_000);
    expect(admitted).toBeGreaterThan(12_000);
    // What they held at the end comes back, to the last unit, and no more.
    await until(async () => (admitted += await countAdmitted(stores, 300, charges)) >= 15_000, { everyMs: 100 });
    expect(admitted + (await countAdmitted(stores, 300, charges))).toBe(15_000);
  });

  test('cost at most one command of Redis per 20 requests when they are hot, and answer at once', async () => {
    const { stores } = await openFleet(redis().url, 3);
    const minute = { limit: 1_000_000, window: 60_000 };
    const charges = makeCharges(makeLines(minute, { limit: 10_000_000, window: 3_600_000 }), 'ada');
    const admin = connectRedis(redis().url, 'test');
    await until(() => admin.status === 'ready');
    const countCommands = async (): Promise<number> => {
      const stats = await admin.info('commandstats');
      return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    const before = await countCommands();
    let synchronous = 0;
    for (let i = 0; i < 30_000; i += 1) {
      const decision = stores[i % 3]?.store.decide(charges);
      if (!(decision instanceof Promise)) synchronous += 1;
      else await decision;
      if (i % 30 === 0) await nextTurn();
    }
    const commands = (await countCommands()) - before;
    expect(commands / 30_000).toBeLessThanOrEqual(0.05);
    expect(synchronous / 30_000).toBeGreaterThan(0.95);
    admin.disconnect();
  });

  test('charge all lines of a request or none', async () => {
    const { stores } = await openFleet(redis().url, 3);
    const [wide, narrow] = makeLines(
      { limit: 1_000, window: 600_000, mode: 'strict' },
      { limit: 10, window: 3_600_000 },
    );
    if (!wide || !narrow) throw new Error('no lines');
    expect(await countAdmitted(stores, 300, makeCharges([wide, narrow], 'ada'))).toBe(10);
    const alone = await stores[0]?.store.decide(makeCharges([wide], 'ada'));
    expect(alone?.verdicts[0]?.remaining).toBe(1_000 - 11);
  });

  test('keep a count apart from others whatever the names of callers are, and let every key expire', async () => {
    const { stores, prefix } = await openFleet(redis().url, 1);
    const lines = makeLines({ limit: 2, window: 600_000 }, { limit: 9, window: 60_000, algorithm: 'token_bucket' });
    expect(await countAdmitted(stores, 5, makeCharges(lines, 'ada'))).toBe(2);
    const admin = connectRedis(redis().url, 'test');
    await until(() => admin.status === 'ready');
    const keys = await admin.keys(`${prefix}*`);
    expect(keys.length).toBeGreaterThanOrEqual(4);
    for (const key of keys) expect(await admin.pttl(key)).toBeGreaterThan(0);
    admin.disconnect();
  });
});

describeWithRedis(
  'limits of a fleet that has lost its Redis',
  (redis) => {
    describe('with three processes', () => {
      test('add up to the limit, beginning with what was left', async () => {
        const { stores } = await openFleet(redis().url, 3);
        const charges = makeCharges(makeLines({ limit: 100, window: 600_000 }), 'ada');
        const fresh = makeCharges(makeLines({ limit: 100, window: 600_000 }), 'bo');
        await until(() => countFleet(redis().url, 3));
        // Each process sees the fleet at its next heartbeat.
        await untilNextHeartbeat();
        for (let i = 0; i < 40; i += 1) await stores[0]?.store.decide(charges);
        for (const { store } of stores) await store.decide(charges);
        await redis().kill();
        await until(() => stores.every(({ store }) => store.degraded !== undefined));
        const left = await countAdmitted(stores, 900, charges);
        expect(left).toBeLessThanOrEqual(59);
        expect(left).toBeGreaterThanOrEqual(55);
        expect(await countAdmitted(stores, 900, fresh)).toBe(100);
      });
    });

    async function countFleet(url: string, size: number): Promise<boolean> {
      const admin = connectRedis(url, 'test');
      await until(() => admin.status === 'ready');
      const [key] = await admin.keys('*fleet:members');
      const members = key === undefined ? 0 : await admin.zcard(key);
      admin.disconnect();
      return members === size;
    }

    async function untilNextHeartbeat(): Promise<void> {
      const startedAt = performance.now();
      await until(() => performance.now() - startedAt > 1_100);
    }
  },
  { own: true },
);
