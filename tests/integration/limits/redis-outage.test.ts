// What a Redis that is away may cost: nothing a client would notice.
import { afterEach, expect, test } from '@jest/globals';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { connectRedis } from '../../../src/storage/redis.ts';
import { makeCharges, makeLines } from '../../support/limit-lines.ts';
import { type ObservedStore, openObserved } from '../../support/limit-store.ts';
import { until } from '../../support/poll.ts';
import { startSlowProxy } from '../../support/slow-proxy.ts';
import { describeWithRedis } from '../../support/server-suite.ts';

const modes = ['strict', 'leased'] as const;
const opened: ObservedStore[] = [];
let prefixes = 0;

afterEach(async () => {
  for (const { store } of opened.splice(0)) await store.close();
});

async function open(url: string, prefix: string, mode: 'local' | 'open' | 'closed' = 'local'): Promise<ObservedStore> {
  const observed = await openObserved(url, prefix, { onStoreFailure: () => mode });
  opened.push(observed);
  return observed;
}

function freshPrefix(): string {
  return `outage:${process.pid}:${(prefixes += 1)}:`;
}

/**
 * Decides one request after another, 20 at a time, and tells the longest wait in milliseconds beyond what the
 * event loop of this busy test process stood still.
 */
async function hammer(
  { store }: ObservedStore,
  rounds: number,
  mode: 'strict' | 'leased',
): Promise<{ worst: number; admitted: number }> {
  const lines = makeLines({ limit: 1_000_000, window: 60_000, mode }, { limit: 1_000_000, window: 3_600_000, mode });
  let worst = 0;
  let admitted = 0;
  const stalls = monitorEventLoopDelay({ resolution: 5 });
  stalls.enable();
  for (let round = 0; round < rounds; round += 1) {
    const one = async (): Promise<void> => {
      const startedAt = performance.now();
      if ((await store.decide(makeCharges(lines, 'ada'))).outcome === 'admitted') admitted += 1;
      worst = Math.max(worst, performance.now() - startedAt);
    };
    await Promise.all(Array.from({ length: 20 }, one));
    await nextTurn();
  }
  // The histogram learns of the last stall when its own timer runs.
  await delay(20);
  stalls.disable();
  return { worst: worst - stalls.max / 1e6, admitted };
}

async function measureRecovery(observed: ObservedStore, revive: () => void | Promise<void>): Promise<number> {
  await revive();
  const startedAt = performance.now();
  await until(() => observed.store.degraded === undefined, { everyMs: 5 });
  return performance.now() - startedAt;
}

describeWithRedis(
  'counters on a Redis that fails',
  (redis) => {
    test.each(modes)('go on without a wait when Redis is killed, and use it again within 2 s: %s', async (mode) => {
      const observed = await open(redis().url, freshPrefix());
      await hammer(observed, 10, mode);
      const load = hammer(observed, 500, mode);
      await redis().kill();
      const { worst, admitted } = await load;
      const reason = await until(() => observed.store.degraded);
      const recovery = await measureRecovery(observed, () => redis().restart());
      expect(admitted).toBe(10_000);
      expect(worst).toBeLessThan(100);
      expect(reason).toBe('connection');
      expect(recovery).toBeLessThan(2_000);
      expect(observed.states).toEqual(['up', 'down connection', 'up']);
    });

    test.each(modes)(
      'wait at most 100 ms, once, for a Redis that is frozen, and use it again within 2 s: %s',
      async (mode) => {
        const observed = await open(redis().url, freshPrefix());
        await hammer(observed, 10, mode);
        redis().pause();
        const first = await hammer(observed, 1, mode);
        await until(() => observed.store.degraded);
        const isSynchronous = !(
          observed.store.decide(makeCharges(makeLines({ limit: 9, window: 1_000 }), 'bo')) instanceof Promise
        );
        const rest = await hammer(observed, 500, mode);
        const recovery = await measureRecovery(observed, () => redis().resume());
        expect(first.worst).toBeLessThan(100);
        expect(isSynchronous).toBe(true);
        expect(rest.worst).toBeLessThan(100);
        expect(first.admitted + rest.admitted).toBe(501 * 20);
        expect(recovery).toBeLessThan(2_000);
      },
    );

    test('start degraded where there is no Redis, and use it once there is', async () => {
      await redis().kill();
      const observed = await open(redis().url, freshPrefix());
      expect(observed.states).toEqual(['down connection']);
      expect((await hammer(observed, 10, 'leased')).worst).toBeLessThan(100);
      expect(await measureRecovery(observed, () => redis().restart())).toBeLessThan(2_000);
    });

    test('lose no request and no count when the scripts are flushed under load', async () => {
      const prefix = freshPrefix();
      const observed = await open(redis().url, prefix);
      const admin = connectRedis(redis().url, 'test');
      await until(() => admin.status === 'ready');
      const lines = makeLines({ limit: 5_000, window: 600_000, mode: 'strict' });
      for (let round = 0; round < 50; round += 1) {
        if (round % 5 === 0) await admin.script('FLUSH');
        const burst = Array.from({ length: 20 }, async () => observed.store.decide(makeCharges(lines, 'ada')));
        for (const decision of await Promise.all(burst)) expect(decision.outcome).toBe('admitted');
      }
      const last = await observed.store.decide(makeCharges(lines, 'ada'));
      expect(last.verdicts[0]?.remaining).toBe(5_000 - 1_001);
      expect(observed.states).toEqual(['up']);
      admin.disconnect();
    });

    test.each([
      ['a read-only replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE'], 'down readonly'],
      ['a full memory', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0'], 'down oom'],
    ])('go local on %s and come back', async (_name, damage, mend, state) => {
      const observed = await open(redis().url, freshPrefix());
      const admin = connectRedis(redis().url, 'test');
      await until(() => admin.status === 'ready');
      await admin.call(...(damage as [string, ...string[]]));
      const { worst, admitted } = await hammer(observed, 20, 'strict');
      expect(admitted).toBe(400);
      expect(worst).toBeLessThan(100);
      await until(() => observed.states.includes(state));
      const recovery = await measureRecovery(observed, async () => void (await admin.call(...(mend as [string]))));
      expect(recovery).toBeLessThan(2_000);
      admin.disconnect();
    });

    test('tell that Redis has lost its data, and begin anew', async () => {
      const observed = await open(redis().url, freshPrefix());
      const admin = connectRedis(redis().url, 'test');
      await until(() => admin.status === 'ready');
      const [charge] = makeCharges(makeLines({ limit: 1, window: 600_000 }), 'ada');
      if (!charge) throw new Error('no line');
      expect((await observed.store.decide([charge])).outcome).toBe('admitted');
      expect((await observed.store.decide([charge])).outcome).toBe('refused');
      expect(observed.flushes()).toBe(0);
      await admin.flushall();
      await until(observed.flushes);
      expect(observed.store.peek([charge])).toBeUndefined();
      expect((await observed.store.decide([charge])).outcome).toBe('admitted');
      admin.disconnect();
    });

    test.each(modes)('let no more through than the limit when Redis is killed in the middle: %s', async (mode) => {
      const observed = await open(redis().url, freshPrefix());
      const charges = makeCharges(makeLines({ limit: 3_000, window: 600_000, mode }), 'ada');
      const ask = async (): Promise<number> => ((await observed.store.decide(charges)).outcome === 'admitted' ? 1 : 0);
      let admitted = 0;
      for (let round = 0; round < 250; round += 1) {
        if (round === 80) await redis().kill();
        for (const one of await Promise.all(Array.from({ length: 20 }, ask))) admitted += one;
        await nextTurn();
      }
      expect(admitted).toBeLessThanOrEqual(3_000);
      expect(admitted).toBeGreaterThanOrEqual(2_500);
      await redis().restart();
    });

    test.each(modes)('hold nobody up for a Redis that has become slow: %s', async (mode) => {
      const slow = await startSlowProxy(redis().port);
      const observed = await open(`redis://127.0.0.1:${slow.port}`, freshPrefix());
      expect((await hammer(observed, 10, mode)).worst).toBeLessThan(100);
      slow.delayMs = 200;
      const { worst, admitted } = await hammer(observed, 400, mode);
      expect(admitted).toBe(8_000);
      expect(worst).toBeLessThan(100);
      await until(() => observed.store.degraded);
      expect((await hammer(observed, 50, mode)).worst).toBeLessThan(100);
      const recovery = await measureRecovery(observed, () => void (slow.delayMs = 0));
      expect(recovery).toBeLessThan(2_000);
      slow.stop();
    });

    test('spend no units that were taken before the counts were lost', async () => {
      const observed = await open(redis().url, freshPrefix());
      const admin = connectRedis(redis().url, 'test');
      await until(() => admin.status === 'ready');
      const charges = makeCharges(makeLines({ limit: 1_000, window: 600_000, mode: 'leased' }), 'ada');
      for (let i = 0; i < 100; i += 1) await observed.store.decide(charges);
      await admin.flushall();
      await until(observed.flushes);
      let admitted = 0;
      for (let i = 0; i < 1_500; i += 1)
        if ((await observed.store.decide(charges)).outcome === 'admitted') admitted += 1;
      expect(admitted).toBe(1_000);
      admin.disconnect();
    });

    test('do not blame Redis for a stall of our own event loop', async () => {
      const observed = await open(redis().url, freshPrefix());
      await hammer(observed, 5, 'leased');
      const decision = observed.store.decide(makeCharges(makeLines({ limit: 10, window: 60_000 }), 'bo'));
      const stallUntil = performance.now() + 200;
      while (performance.now() < stallUntil);
      expect((await decision).outcome).toBe('admitted');
      expect(observed.states).toEqual(['up']);
    });
  },
  { own: true },
);
