// One suite for the seam between the policy and its counts: the same histories with the same clock, in both stores.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ADJUST } from '../../../src/counters/lua/adjust.lua.ts';
import type { Charge, Decision, LeaseGrant } from '../../../src/counters/counter-store.ts';
import { DECIDE } from '../../../src/counters/lua/decide.lua.ts';
import { MemoryCounters } from '../../../src/counters/memory-counters.ts';
import { RedisCounters } from '../../../src/counters/redis-counters.ts';
import { connectRedis, defineScript, type RedisConnection, runScript } from '../../../src/storage/redis.ts';
import { type LimitInput, makeCharges, makeLines } from '../../support/limit-lines.ts';
import { until } from '../../support/poll.ts';
import { describeWithRedis } from '../../support/server-suite.ts';

const START = 1_790_000_000_000_000;

const limit = fc.record(
  {
    limit: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 121, max: 130 })),
    window: fc.integer({ min: 100, max: 3_000 }),
    algorithm: fc.constantFrom('sliding_window' as const, 'token_bucket' as const, 'fixed_window' as const),
    dry_run: fc.boolean(),
    burst: fc.integer({ min: 1, max: 20 }),
  },
  { requiredKeys: ['limit', 'window', 'algorithm'] },
);
/** Microseconds. The memory store's clock never goes back. */
const pause = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 1_500_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 10_000_000 }) },
);
const history = fc.array(
  fc.record({ caller: fc.constantFrom('ada', 'bo'), pause, cost: fc.constantFrom(1, 1, 1, 2, 5) }),
  { minLength: 1, maxLength: 80 },
);

type Step = Readonly<{ caller: string; pause: number }> &
  (
    | { does: 'decide'; cost: number }
    | { does: 'lease'; need: number; want: number; share: number; life: number }
    | { does: 'adjust'; units: number; charged: number }
  );

const who = { caller: fc.constantFrom('ada', 'bo'), pause };
const correction = fc.record({
  ...who,
  does: fc.constant('adjust' as const),
  units: fc.integer({ min: -6, max: 4 }).filter((units) => units !== 0),
  /** Which of the charges before it is corrected. */
  charged: fc.nat(20),
});
const lease = fc.record({
  ...who,
  does: fc.constant('lease' as const),
  need: fc.integer({ min: 0, max: 3 }),
  want: fc.integer({ min: 0, max: 20 }),
  share: fc.integer({ min: 1, max: 4 }),
  /** Up to what share of the window, or of a filling, units may be held. */
  life: fc.double({ min: 0.001, max: 0.1, noNaN: true }),
});
const decision = fc.record({ ...who, does: fc.constant('decide' as const), cost: fc.constantFrom(1, 1, 1, 2, 5) });
const mixedHistory = fc.array(
  fc.oneof({ weight: 4, arbitrary: decision }, { weight: 2, arbitrary: lease }, { weight: 2, arbitrary: correction }),
  { minLength: 1, maxLength: 80, size: 'max' },
);

describeWithRedis('memory and Redis', (redis) => {
  let connection: RedisConnection;
  let runs = 0;

  beforeAll(async () => {
    connection = connectRedis(redis().url, 'test');
    defineScript(connection, DECIDE);
    defineScript(connection, ADJUST);
    await until(() => connection.status === 'ready');
  });
  afterAll(() => connection.disconnect());

  function openBoth(readClock: () => number) {
    const guard = {
      isUp: true,
      reason: undefined,
      run: runScript.bind(undefined, connection),
      close: () => undefined,
    };
    const memory = new MemoryCounters({ nowUs: readClock });
    const shared = new RedisCounters({
      guard,
      fleet: { size: 1, rank: 0 },
      prefix: `agree:${process.pid}:${(runs += 1)}:`,
      onStoreFailure: () => 'closed',
      nowUs: readClock,
      storeNowUs: readClock,
    });
    return { memory, shared };
  }

  function decideInBoth(limits: readonly LimitInput[]) {
    let now = START;
    const { memory, shared } = openBoth(() => now);
    const lines = makeLines(...limits);
    return async (step: { caller: string; pause: number; cost: number }): Promise<[Decision, Decision]> => {
      now += step.pause;
      const charges: Charge[] = makeCharges(lines, step.caller).map((charge) => ({ ...charge, cost: step.cost }));
      return [await shared.decide(charges), memory.decide(charges)];
    };
  }

  test('give equal answers, to the microsecond, to the same history of one to three lines', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(limit, { minLength: 1, maxLength: 3 }), history, async (limits, steps) => {
        const decide = decideInBoth(limits);
        for (const step of steps) {
          const [fromRedis, fromMemory] = await decide(step);
          expect(fromRedis).toEqual(fromMemory);
        }
      }),
      { numRuns: 250 },
    );
  }, 60_000);

  /** Runs a step in both stores; the answers, and when what it took was counted. */
  async function runInBoth(
    { memory, shared }: ReturnType<typeof openBoth>,
    charge: Charge,
    step: Step,
    charged: readonly number[],
  ): Promise<[Decision | LeaseGrant | undefined, Decision | LeaseGrant | undefined]> {
    if (step.does === 'decide') {
      const charges = [{ ...charge, cost: step.cost }];
      return [await shared.decide(charges), memory.decide(charges)];
    }
    if (step.does === 'lease') {
      const holdUs = Math.floor(Math.min(charge.line.rule.windowUs, charge.line.rule.horizonUs) * step.life);
      const ask = { ...charge, ...step, holdUs };
      return [await shared.lease(ask), memory.lease(ask)];
    }
    const corrections = [{ ...charge, units: step.units, at: charged[step.charged % charged.length] }];
    shared.adjust(corrections);
    memory.adjust(corrections);
    await shared.settled();
    return [undefined, undefined];
  }

  test('give equal answers when units are taken in advance, given back, and taken beyond the limit', async () => {
    await fc.assert(
      fc.asyncProperty(limit, mixedHistory, async (oneLimit, steps: readonly Step[]) => {
        let now = START;
        const both = openBoth(() => now);
        const charged: number[] = [];
        const lines = makeLines({ ...oneLimit, dry_run: false });
        for (const step of steps) {
          now += step.pause;
          const [charge] = makeCharges(lines, step.caller);
          const [fromRedis, fromMemory] = await runInBoth(both, charge as Charge, step, charged);
          expect(fromRedis).toEqual(fromMemory);
          if (fromMemory?.at !== undefined) charged.push(fromMemory.at);
        }
      }),
      { numRuns: 120 },
    );
  }, 60_000);

  test.each(['sliding_window', 'token_bucket', 'fixed_window'] as const)(
    'are both stubborn when the clock of the store goes back: %s',
    async (algorithm) => {
      const decide = decideInBoth([{ limit: 3, window: 60_000, algorithm }]);
      const steps = [0, 0, 0, 0, -20_000_000, 20_000_000, -3_600_000_000].map((jump) => ({
        caller: 'ada',
        pause: jump,
        cost: 1,
      }));
      const outcomes: string[] = [];
      for (const step of steps) {
        const [fromRedis, fromMemory] = await decide(step);
        expect(fromRedis).toEqual(fromMemory);
        outcomes.push(fromRedis.outcome);
      }
      expect(outcomes).toEqual(['admitted', 'admitted', 'admitted', 'refused', 'refused', 'refused', 'admitted']);
    },
  );

  test('give equal answers when cells are cut by count and by time, through several windows', async () => {
    const decide = decideInBoth([{ limit: 500, window: 1_000 }]);
    for (let i = 0; i < 4_000; i += 1) {
      const [fromRedis, fromMemory] = await decide({ caller: 'ada', pause: (i * 7_919) % 3_000, cost: 1 });
      expect(fromRedis).toEqual(fromMemory);
    }
  }, 60_000);

  test('give equal answers where the numbers are largest', async () => {
    const decide = decideInBoth([
      { limit: 999_999_937, window: 31_622_399_999, algorithm: 'token_bucket' },
      { limit: 1_000_000_000, window: 31_622_400_000 },
      { limit: 7, window: 31_622_400_000, algorithm: 'token_bucket', burst: 7 },
    ]);
    for (let i = 0; i < 40; i += 1) {
      const [fromRedis, fromMemory] = await decide({ caller: 'ada', pause: i * 1_000_000_007, cost: 1 });
      expect(fromRedis).toEqual(fromMemory);
    }
  });
});
