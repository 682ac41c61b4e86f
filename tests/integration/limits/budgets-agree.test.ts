// Budgets with reservations, and limits of tokens and money: the same histories with one clock in memory and in Redis.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ADJUST } from '../../../src/counters/lua/adjust.lua.ts';
import type { Charge, Correction } from '../../../src/counters/counter-store.ts';
import { DECIDE } from '../../../src/counters/lua/decide.lua.ts';
import { type Line, lineAt } from '../../../src/counters/line.ts';
import { MemoryCounters } from '../../../src/counters/memory-counters.ts';
import { RedisCounters } from '../../../src/counters/redis-counters.ts';
import { connectRedis, defineScript, type RedisConnection, runScript } from '../../../src/storage/redis.ts';
import { makeBudgets, makeLines } from '../../support/limit-lines.ts';
import { until } from '../../support/poll.ts';
import { describeWithRedis } from '../../support/server-suite.ts';

const START_MS = Date.UTC(2026, 10, 29);
const SECOND = 1_000_000;

const pause = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 2 * SECOND }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 60 * SECOND }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 86_400 * SECOND }) },
);
const step = fc.record({
  pause,
  does: fc.constantFrom('decide' as const, 'decide' as const, 'release' as const, 'renew' as const, 'count' as const),
  cost: fc.integer({ min: 1, max: 40 }),
  isReserved: fc.boolean(),
  units: fc.integer({ min: -20, max: 60 }),
  which: fc.nat(10),
});

describeWithRedis('budgets in memory and in Redis', (redis) => {
  let connection: RedisConnection;
  let runs = 0;

  beforeAll(async () => {
    connection = connectRedis(redis().url, 'test');
    defineScript(connection, DECIDE);
    defineScript(connection, ADJUST);
    await until(() => connection.status === 'ready');
  });
  afterAll(() => connection.disconnect());

  function openBoth(readClock: () => number, prefix = `budgets:${process.pid}:${(runs += 1)}:`) {
    const run = runScript.bind(undefined, connection);
    const guard = { isUp: true, reason: undefined, run, close: () => undefined };
    const fleet = { size: 1, rank: 0 };
    const onStoreFailure = () => 'closed' as const;
    const options = { guard, fleet, prefix, onStoreFailure, nowUs: readClock, storeNowUs: readClock };
    return { memory: new MemoryCounters({ nowUs: readClock }), shared: new RedisCounters(options) };
  }

  test('give equal answers to the same reservations, renewals, returns and payments', async () => {
    const histories = fc.array(step, { minLength: 1, maxLength: 60, size: 'max' });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 20, max: 200 }), histories, async (tokens, steps) => {
        let now = START_MS * 1000;
        const { memory, shared } = openBoth(() => now);
        const base = makeBudgets({ tokens, every: 'month' })[0] as Line;
        const line = lineAt(base, START_MS);
        const taken: { cost: number; at: number | undefined }[] = [];
        for (const { does, pause: wait, cost, isReserved, units, which } of steps) {
          now += wait;
          const counted = { line, key: `${line.key}{c=ada}` };
          if (does === 'decide') {
            const charges: Charge[] = [{ ...counted, cost, isReserved }];
            const [fromRedis, fromMemory] = [await shared.decide(charges), memory.decide(charges)];
            expect(fromRedis).toEqual(fromMemory);
            if (fromMemory.outcome === 'admitted') taken.push({ cost, at: fromMemory.at });
            continue;
          }
          const earlier = taken[which % Math.max(1, taken.length)];
          const renewedAt = does === 'renew' ? now : undefined;
          const change = does === 'count' || !earlier ? undefined : { released: earlier.cost, renewedAt };
          const corrections: Correction[] = [
            { ...counted, units: does === 'renew' ? 0 : units, at: earlier?.at, change },
          ];
          shared.adjust(corrections);
          memory.adjust(corrections);
          await shared.settled();
        }
        expect(await shared.read([{ line, key: `${line.key}{c=ada}` }])).toEqual(
          await memory.read([{ line, key: `${line.key}{c=ada}` }]),
        );
      }),
      { numRuns: 120 },
    );
  }, 60_000);

  test('give equal answers where sums of money are largest and smallest', async () => {
    let now = START_MS * 1000;
    const { memory, shared } = openBoth(() => now);
    const lines = [
      ...makeLines(
        { limit: 1_000_000, count: 'cost_usd', window: 31_622_400_000 },
        { limit: 999.999_999_937, count: 'cost_usd', window: 86_399_999, algorithm: 'token_bucket' },
        { limit: 1_000_000_000_000, count: 'tokens', window: 60_000, algorithm: 'fixed_window' },
        { limit: 999_999_999_989, count: 'tokens', window: 3_600_000, algorithm: 'token_bucket' },
      ),
      ...makeBudgets({ cost_usd: 1_000_000, every: 'month' }).map((line) => lineAt(line, START_MS)),
    ];
    const costs = [1, 7_000_000_019, 99_999_999_999, 123_456_789_012, 900_000_000_000_000];
    for (let i = 0; i < 60; i += 1) {
      now += (i * 7_919_333) % 3_000_000;
      const charges = lines.map((line, j): Charge => {
        const cost = Math.min(costs[(i + j) % costs.length] as number, line.rule.capacity + 1);
        return { line, key: `${line.key}{c=ada}`, cost, isReserved: line.every !== undefined };
      });
      for (const charge of charges) expect(await shared.decide([charge])).toEqual(memory.decide([charge]));
      expect(await shared.decide(charges)).toEqual(memory.decide(charges));
    }
  });

  test('give back equally what was taken of a limit of tokens by many at one moment', async () => {
    const now = START_MS * 1000;
    const { memory, shared } = openBoth(() => now);
    const [line] = makeLines({ limit: 1_000, window: 60_000, count: 'tokens' });
    const charge: Charge = { line: line as Line, key: 'k', cost: 150 };
    for (let i = 0; i < 5; i += 1) expect(await shared.decide([charge])).toEqual(memory.decide([charge]));
    const corrections = Array.from({ length: 5 }, () => ({ ...charge, units: -140, at: now }));
    shared.adjust(corrections);
    memory.adjust(corrections);
    await shared.settled();
    expect(await shared.read([charge])).toEqual([950]);
    expect(await memory.read([charge])).toEqual([950]);
  });

  test('give back a reservation that a process died with, to all others', async () => {
    let now = START_MS * 1000;
    const prefix = `died:${process.pid}:`;
    const [dead, living] = [openBoth(() => now, prefix).shared, openBoth(() => now, prefix).shared];
    const line = lineAt(makeBudgets({ tokens: 100, every: 'month' })[0] as Line, START_MS);
    const charge = { line, key: `${line.key}{c=ada}`, cost: 80, isReserved: true };
    expect((await dead.decide([charge])).outcome).toBe('admitted');
    expect((await living.decide([charge])).outcome).toBe('refused');
    now += 151 * SECOND;
    expect((await living.decide([charge])).outcome).toBe('admitted');
  });

  test('are not spent unseen while Redis is away, nor beyond what was left when it was heard last', async () => {
    const now = START_MS * 1000;
    let isUp = true;
    const run = runScript.bind(undefined, connection);
    const shared = new RedisCounters({
      guard: {
        get isUp() {
          return isUp;
        },
        reason: undefined,
        run,
        close: () => undefined,
      },
      fleet: { size: 1, rank: 0 },
      prefix: `away:${process.pid}:`,
      onStoreFailure: () => 'local',
      nowUs: () => now,
    });
    const line = lineAt(makeBudgets({ tokens: 100, every: 'month' })[0] as Line, START_MS);
    const ask = async (caller: string) => {
      const charge = { line, key: `${line.key}{c=${caller}}`, cost: 30, isReserved: true };
      return (await shared.decide([charge])).outcome;
    };
    expect(await ask('ada')).toBe('admitted');
    isUp = false;
    const outcomes = [await ask('ada'), await ask('ada'), await ask('ada'), await ask('bo')];
    expect(outcomes).toEqual(['admitted', 'admitted', 'refused', 'unavailable']);
    const [requests] = makeLines({ limit: 100, window: 60_000 });
    expect((await shared.decide([{ line: requests as Line, key: 'k', cost: 1 }])).outcome).toBe('admitted');
  });
});
