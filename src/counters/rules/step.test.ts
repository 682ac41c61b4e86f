import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createExactBucket,
  createExactFixed,
  createExactLog,
  findFullestWindow,
  type Oracle,
} from '../../../tests/support/limit-oracles.ts';
import { makeOnOff, makePoisson } from '../../../tests/support/limit-traffic.ts';
import { type AlgorithmName, compileRule, type Rule } from './rule.ts';
import type { SlidingState } from './sliding-window.ts';
import { createState, step, weigh } from './step.ts';

const START = 1_790_000_000_000_000;

const algorithm = fc.constantFrom<AlgorithmName>('sliding_window', 'token_bucket', 'fixed_window');
const rule = fc
  .record({
    algorithm,
    limit: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 121, max: 190 })),
    window: fc.integer({ min: 100, max: 5_000 }),
  })
  .map(compileRule);
const bucketRule = fc
  .record({
    algorithm: fc.constant('token_bucket' as const),
    limit: fc.integer({ min: 1, max: 40 }),
    window: fc.integer({ min: 100, max: 5_000 }),
    burst: fc.integer({ min: 1, max: 60 }),
  })
  .map(compileRule);
/** Pauses of a history in parts of the window: bursts, ordinary distances, and long silences. */
const pauses = fc.array(
  fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.05, noNaN: true }), fc.double({ min: 0, max: 1.5, noNaN: true })),
  { minLength: 1, maxLength: 300 },
);

function runTimes(windowUs: number, parts: readonly number[]): number[] {
  let now = START;
  return parts.map((part) => (now += Math.floor(part * windowUs)));
}

function admittedBy(tested: Rule, times: readonly number[]): number[] {
  const state = createState(tested);
  return times.filter((now) => step(state, tested, now, 1).admitted);
}

function countAdmitted(oracle: Oracle, times: readonly number[]): number {
  return times.filter(oracle).length;
}

describe('sliding_window', () => {
  test('never admits more than the limit in any true window', () => {
    fc.assert(
      fc.property(rule, pauses, (anyRule, parts) => {
        const sliding: Rule = { ...anyRule, algorithm: 'sliding_window', capacity: anyRule.limit };
        const admitted = admittedBy(sliding, runTimes(sliding.windowUs, parts));
        expect(findFullestWindow(admitted, sliding.windowUs)).toBeLessThanOrEqual(sliding.limit);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [121, 1.5],
    [500, 0.5],
    [500, 0.95],
    [500, 1],
    [500, 1.1],
    [500, 3],
    [5_000, 1.05],
  ])('admits at least 99 %% of an exact log: Poisson, limit %i, load %f', (limit, load) => {
    const sliding = compileRule({ algorithm: 'sliding_window', limit, window: 60_000 });
    const times = makePoisson(limit * load, sliding.windowUs, 60);
    const exact = countAdmitted(createExactLog(sliding), times);
    expect(admittedBy(sliding, times).length).toBeGreaterThanOrEqual(0.99 * exact);
  });

  test.each([1, 10, 120])('is an exact log for a limit of %i', (limit) => {
    const sliding = compileRule({ algorithm: 'sliding_window', limit, window: 60_000 });
    const times = makePoisson(limit * 1.5, sliding.windowUs, 60);
    const log = createExactLog(sliding);
    expect(admittedBy(sliding, times)).toEqual(times.filter(log));
  });

  test.each([0.01, 0.1, 0.5, 1, 2.3])(
    'admits at least 99 %% of an exact log: on-off, halves of %f windows',
    (period) => {
      const sliding = compileRule({ algorithm: 'sliding_window', limit: 100, window: 60_000 });
      const times = makeOnOff(120, sliding.windowUs, period);
      const exact = countAdmitted(createExactLog(sliding), times);
      expect(admittedBy(sliding, times).length).toBeGreaterThanOrEqual(0.99 * exact);
    },
  );

  test('holds at most 121 cells however the requests are spread', () => {
    const sliding = compileRule({ algorithm: 'sliding_window', limit: 1_000_000, window: 1_000 });
    const state = createState(sliding) as SlidingState;
    for (let now = START; now < START + 5_000_000; now += 997) {
      step(state, sliding, now, 1);
      expect(state.counts.length - state.first).toBeLessThanOrEqual(121);
    }
    expect(state.counts.length).toBeLessThan(200);
  });
});

describe('token_bucket', () => {
  test('decides exactly like a bucket in unlimited whole numbers', () => {
    fc.assert(
      fc.property(bucketRule, pauses, (bucket, parts) => {
        const oracle = createExactBucket({ ...bucket, burst: bucket.capacity });
        const state = createState(bucket);
        for (const now of runTimes(bucket.windowUs, parts))
          expect(step(state, bucket, now, 1).admitted).toBe(oracle(now));
      }),
      { numRuns: 500 },
    );
  });

  test('loses nothing to rounding when it is asked every few microseconds', () => {
    const bucket = compileRule({ algorithm: 'token_bucket', limit: 7_919, window: 60_000, burst: 1 });
    const oracle = createExactBucket({ ...bucket, burst: 1 });
    const times = Array.from({ length: 200_000 }, (_, index) => START + index * 5);
    expect(admittedBy(bucket, times).length).toBe(countAdmitted(oracle, times));
  });

  test('is never faster than configured when the rate has no exact form', () => {
    const bucket = compileRule({ algorithm: 'token_bucket', limit: 999_999_937, window: 31_622_399_999 });
    expect(bucket.gain * bucket.gainUs + bucket.gainUs).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
    const exact = 999_999_937_000 / 31_622_399_999_000;
    expect(bucket.gain / bucket.gainUs).toBeLessThanOrEqual(exact);
    expect(bucket.gain / bucket.gainUs).toBeGreaterThan(exact * 0.996);
  });
});

describe('fixed_window', () => {
  test('decides exactly like one counter per window', () => {
    fc.assert(
      fc.property(rule, pauses, (anyRule, parts) => {
        const fixed: Rule = { ...anyRule, algorithm: 'fixed_window', capacity: anyRule.limit };
        const oracle = createExactFixed(fixed);
        const state = createState(fixed);
        for (const now of runTimes(fixed.windowUs, parts))
          expect(step(state, fixed, now, 1).admitted).toBe(oracle(now));
      }),
    );
  });
});

describe('every algorithm', () => {
  test('admits after exactly the announced wait, and not a microsecond sooner', () => {
    fc.assert(
      fc.property(fc.oneof(rule, bucketRule), pauses, (anyRule, parts) => {
        const state = createState(anyRule);
        for (const now of runTimes(anyRule.windowUs, parts)) {
          const { admitted, retryUs } = step(state, anyRule, now, 1);
          if (admitted) continue;
          expect(retryUs).toBeGreaterThan(0);
          expect(weigh(structuredClone(state), anyRule, now + retryUs - 1, 1).admitted).toBe(false);
          expect(weigh(structuredClone(state), anyRule, now + retryUs, 1).admitted).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is whole again after the announced reset', () => {
    fc.assert(
      fc.property(fc.oneof(rule, bucketRule), pauses, (anyRule, parts) => {
        const state = createState(anyRule);
        for (const now of runTimes(anyRule.windowUs, parts)) {
          const { resetUs } = step(state, anyRule, now, 1);
          const later = weigh(structuredClone(state), anyRule, now + resetUs, 1);
          expect(later.remaining).toBe(anyRule.capacity);
        }
      }),
    );
  });

  test('says the same whether or not somebody weighed in between', () => {
    fc.assert(
      fc.property(fc.oneof(rule, bucketRule), pauses, (anyRule, parts) => {
        const plain = createState(anyRule);
        const watched = createState(anyRule);
        for (const now of runTimes(anyRule.windowUs, parts)) {
          weigh(watched, anyRule, now, 1);
          weigh(watched, anyRule, now, 3);
          expect(step(watched, anyRule, now, 1)).toEqual(step(plain, anyRule, now, 1));
        }
      }),
    );
  });

  test('gives nothing extra to a clock that goes back by less than the window', () => {
    fc.assert(
      fc.property(fc.oneof(rule, bucketRule), fc.integer({ min: 1, max: 99 }), (anyRule, percent) => {
        const state = createState(anyRule);
        while (step(state, anyRule, START, 1).admitted);
        const back = START - Math.floor((Math.min(anyRule.horizonUs, anyRule.windowUs) * percent) / 100);
        const { admitted, retryUs } = step(state, anyRule, back, 1);
        expect(admitted).toBe(false);
        expect(weigh(state, anyRule, back + retryUs, 1).admitted).toBe(true);
      }),
    );
  });

  test('is not blocked for longer than the window by a clock that was far ahead', () => {
    fc.assert(
      fc.property(rule, (anyRule) => {
        const state = createState(anyRule);
        while (step(state, anyRule, START + 3_600_000_000, 1).admitted);
        expect(step(state, anyRule, START, 1).admitted).toBe(true);
      }),
    );
  });

  test('keeps its count when the number of the limit is edited', () => {
    fc.assert(
      fc.property(algorithm, fc.integer({ min: 2, max: 40 }), (name, limit) => {
        const before = compileRule({ algorithm: name, limit, window: 1_000 });
        const state = createState(before);
        while (step(state, before, START, 1).admitted);
        const lowered = compileRule({ algorithm: name, limit: limit - 1, window: 1_000 });
        expect(step(state, lowered, START, 1)).toMatchObject({ admitted: false, remaining: 0 });
      }),
    );
  });
});
