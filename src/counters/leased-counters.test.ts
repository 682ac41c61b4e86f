import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type LimitInput, makeCharges, makeLines } from '../../tests/support/limit-lines.ts';
import { findExcess } from '../../tests/support/limit-excess.ts';
import { makeOnOff, makePoisson } from '../../tests/support/limit-traffic.ts';
import type { Charge, Decision, LendingStore } from './counter-store.ts';
import { LeasedCounters } from './leased-counters.ts';
import { MemoryCounters } from './memory-counters.ts';

const START = 1_790_000_000_000_000;

/** Processes that share one store, all on one clock that the test moves. */
function openFleet(size: number, lend: (store: MemoryCounters) => LendingStore = (store) => store) {
  const clock = { now: START };
  const nowUs = (): number => clock.now;
  const central = new MemoryCounters({ nowUs });
  const asked = { decisions: 0, leases: 0 };
  const store = lend(central);
  const counted: LendingStore = {
    get hasDenials() {
      return store.hasDenials;
    },
    degraded: undefined,
    peek: (charges) => store.peek(charges),
    decide: (charges) => ((asked.decisions += 1), store.decide(charges)),
    lease: (ask) => ((asked.leases += 1), store.lease(ask)),
    read: (counts) => store.read(counts),
    adjust: (corrections) => store.adjust(corrections),
    forgetDenial: (key) => store.forgetDenial(key),
    close: async () => undefined,
  };
  const processes = Array.from({ length: size }, () => new LeasedCounters({ store: counted, fleet: { size }, nowUs }));
  return { clock, central, processes, asked, first: processes[0] as LeasedCounters };
}

/** Answers to leases arrive when the event loop comes to them, and by then time has passed. */
function answerLate(store: MemoryCounters): LendingStore {
  const late: LendingStore = Object.create(store);
  late.lease = async (ask) => store.lease(ask);
  return late;
}

function leased(limit: LimitInput): Charge[] {
  return makeCharges(makeLines({ mode: 'leased', ...limit }), 'ada');
}

const limits = fc.record(
  {
    limit: fc.integer({ min: 3, max: 250 }),
    window: fc.integer({ min: 1_000, max: 6_000 }),
    algorithm: fc.constantFrom('sliding_window' as const, 'token_bucket' as const, 'fixed_window' as const),
    burst: fc.integer({ min: 20, max: 300 }),
  },
  { requiredKeys: ['limit', 'window', 'algorithm'] },
);
const steps = fc.array(
  fc.record({
    process: fc.nat(2),
    pause: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 60_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 7_000_000 }) },
    ),
    burst: fc.integer({ min: 1, max: 12 }),
    cost: fc.constantFrom(1, 1, 1, 3),
    isHeard: fc.boolean(),
    isSwept: fc.boolean(),
  }),
  { minLength: 10, maxLength: 150, size: 'max' },
);

describe('units taken in advance', () => {
  test.each([
    ['at once', (store: MemoryCounters) => store],
    ['late', answerLate],
  ])(
    'never let more through than the limit, in any true window and for any algorithm, answered %s',
    async (_n, lend) => {
      let local = 0;
      const property = fc.asyncProperty(limits, steps, async (limit, history) => {
        const { clock, processes, asked } = openFleet(3, lend);
        const [charge] = leased(limit) as [Charge];
        const admitted: number[] = [];
        let decisions = 0;
        for (const { process, pause, burst, cost, isHeard, isSwept } of history) {
          clock.now += pause;
          const counters = processes[process] as LeasedCounters;
          if (isHeard) await Promise.resolve();
          if (isSwept) counters.sweep();
          for (let i = 0; i < burst; i += 1) {
            const decision = counters.decide([{ ...charge, cost }]) as Decision;
            decisions += 1;
            if (decision.outcome === 'admitted') for (let unit = 0; unit < cost; unit += 1) admitted.push(clock.now);
          }
        }
        local += decisions - asked.decisions;
        for (const counters of processes) await counters.close();
        expect(findExcess(charge.line.rule, admitted)).toBe(0);
      });
      await fc.assert(property, { numRuns: 100 });
      // Otherwise nothing was proved about leases.
      expect(local).toBeGreaterThan(2_500);
    },
  );

  test('are spent without a wait, four lines at once, and cost at most one question per 20 requests', () => {
    const { clock, asked, first } = openFleet(1);
    const charges = makeCharges(
      makeLines(
        { limit: 100_000, window: 1_000 },
        { limit: 1_000_000, window: 60_000 },
        { limit: 10_000_000, window: 3_600_000, algorithm: 'fixed_window' },
        { limit: 1_000_000, window: 60_000, algorithm: 'token_bucket' },
      ),
      'ada',
    );
    let admitted = 0;
    for (let i = 0; i < 20_000; i += 1) {
      clock.now += 150;
      if ((first.decide(charges) as Decision).outcome === 'admitted') admitted += 1;
      if (i % 600 === 0) first.sweep();
    }
    expect(admitted).toBe(20_000);
    expect((asked.decisions + asked.leases) / 20_000).toBeLessThanOrEqual(0.05);
  });

  test('are not taken for rare callers, nor for small limits unless the configuration says so', () => {
    for (const [limit, pause, leases] of [
      [{ limit: 1_000, window: 60_000 }, 500_000, 0],
      [{ limit: 60, window: 60_000 }, 10_000, 0],
      [{ limit: 60, window: 60_000, mode: 'strict' as const }, 10_000, 0],
      [{ limit: 60, window: 60_000, mode: 'leased' as const }, 10_000, 1],
    ] as const) {
      const { clock, asked, first } = openFleet(1);
      const charges = makeCharges(makeLines(limit), 'ada');
      for (let i = 0; i < 50; i += 1) {
        clock.now += pause;
        void first.decide(charges);
      }
      expect(Math.min(asked.leases, 1)).toBe(leases);
    }
  });

  test('all go or none: a refusal by one line puts back what was taken for the others', () => {
    const { clock, central, first } = openFleet(1);
    const [hot] = leased({ limit: 10_000, window: 600_000 }) as [Charge];
    const [small] = makeCharges(makeLines({ limit: 5, window: 3_600_000, mode: 'strict' }), 'ada') as [Charge];
    for (let i = 0; i < 100; i += 1) void first.decide([hot]);
    clock.now += 1_000;
    const outcomes = Array.from({ length: 20 }, () => (first.decide([hot, small]) as Decision).outcome);
    expect(outcomes.filter((outcome) => outcome === 'admitted')).toHaveLength(5);
    clock.now += 2_000_000;
    first.sweep();
    const after = central.decide([hot]);
    expect(after.verdicts[0]?.remaining).toBe(10_000 - 106);
  });

  test.each<[string, (counters: LeasedCounters, wait: (us: number) => void) => Promise<void> | void]>([
    ['when their time is over', (counters, wait) => (wait(1_000_001), counters.sweep())],
    ['when nobody asks for a while', (counters, wait) => (wait(600_000), counters.sweep())],
    ['when the process ends', (counters) => counters.close()],
  ])('go back to the others %s', async (_name, end) => {
    const { clock, central, first } = openFleet(1);
    const [charge] = leased({ limit: 1_000, window: 600_000 }) as [Charge];
    for (let i = 0; i < 10; i += 1) void first.decide([charge]);
    expect(central.decide([charge]).verdicts[0]?.remaining).toBeLessThan(1_000 - 11);
    await end(first, (us) => void (clock.now += us));
    expect(central.decide([charge]).verdicts[0]?.remaining).toBe(1_000 - 12);
  });

  test('are worth nothing after the store has lost its counts', () => {
    const { asked, first } = openFleet(1);
    const charges = leased({ limit: 1_000, window: 600_000 });
    for (let i = 0; i < 10; i += 1) void first.decide(charges);
    const before = asked.decisions;
    void first.decide(charges);
    expect(asked.decisions).toBe(before);
    first.forget();
    void first.decide(charges);
    expect(asked.decisions).toBe(before + 1);
  });

  test('are not spent by a caller whose token allows fewer, though the count is one', () => {
    const { first } = openFleet(1);
    const [charge] = leased({ limit: 1_000, window: 600_000 }) as [Charge];
    const [lowered] = leased({ limit: 20, window: 600_000 }) as [Charge];
    for (let i = 0; i < 30; i += 1) void first.decide([charge]);
    expect((first.decide([lowered]) as Decision).outcome).toBe('refused');
    expect((first.decide([charge]) as Decision).outcome).toBe('admitted');
  });

  test('are taken by the new number soon after the limit was edited', () => {
    const { clock, asked, first } = openFleet(1);
    const [before] = leased({ limit: 1_000, window: 600_000 }) as [Charge];
    const [after] = leased({ limit: 2_000, window: 600_000 }) as [Charge];
    for (let i = 0; i < 30; i += 1) void first.decide([before]);
    clock.now += 1_100_000;
    first.sweep();
    for (let i = 0; i < 10; i += 1) void first.decide([after]);
    const { decisions } = asked;
    expect((first.decide([after]) as Decision).verdicts[0]?.remaining).toBeGreaterThan(1_900);
    expect(asked.decisions).toBe(decisions);
  });

  test('show the same remainder as a count of every request, or less, and never a wait beyond the window', () => {
    const { clock, first } = openFleet(1);
    const exact = new MemoryCounters({ nowUs: () => clock.now });
    const charges = leased({ limit: 500, window: 60_000 });
    for (let i = 0; i < 400; i += 1) {
      clock.now += 5_000;
      const shown = (first.decide(charges) as Decision).verdicts[0];
      const truth = exact.decide(charges).verdicts[0];
      expect(shown?.remaining).toBeLessThanOrEqual(truth?.remaining ?? -1);
      expect(shown?.remaining).toBeGreaterThanOrEqual((truth?.remaining ?? 0) - 50);
    }
  });
});

describe('of the traffic of three processes, leases admit what a count of every request does, less a batch per process', () => {
  const limit = 1_000;
  const windowUs = 60_000_000;
  const windows = 8;

  test.each([
    ['Poisson below the limit', 0.9, makePoisson(limit * 0.9, windowUs, windows)],
    ['Poisson at the limit', 1, makePoisson(limit, windowUs, windows)],
    ['Poisson at three times the limit', 3, makePoisson(limit * 3, windowUs, windows)],
    ['on-off, halves of a tenth of a window', 2.4, makeOnOff(limit * 1.2, windowUs, 0.1, windows)],
    ['on-off, halves of a window', 2.4, makeOnOff(limit * 1.2, windowUs, 1, windows)],
  ])('%s', (_name, load, times) => {
    const { clock, processes } = openFleet(3);
    const strict = new MemoryCounters({ nowUs: () => clock.now });
    const [charge] = leased({ limit, window: windowUs / 1000 }) as [Charge];
    const admitted = { leased: 0, strict: 0 };
    let sweptAt = START;
    for (const [i, at] of times.entries()) {
      clock.now = START + at;
      if (clock.now - sweptAt > 100_000) {
        for (const counters of processes) counters.sweep();
        sweptAt = clock.now;
      }
      const counters = processes[(i * 7_919) % 3] as LeasedCounters;
      const decision = counters.peek([charge]) ?? (counters.decide([charge]) as Decision);
      if (decision.outcome === 'admitted') admitted.leased += 1;
      if (strict.decide([charge]).outcome === 'admitted') admitted.strict += 1;
    }
    const batch = (1.1 * load * limit * charge.line.lease.lifeUs) / windowUs / 3;
    expect(admitted.leased).toBeGreaterThanOrEqual(admitted.strict - windows * 3 * Math.ceil(batch));
    expect(admitted.leased).toBeGreaterThanOrEqual(0.98 * admitted.strict);
  });
});
