import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findExcess } from '../../../tests/support/limit-excess.ts';
import { type AlgorithmName, compileRule, type Rule } from './rule.ts';
import type { SlidingState } from './sliding-window.ts';
import { charge, correct, createState, findCountedAt, lend, step, weigh } from './step.ts';

const START = 1_790_000_000_000_000;

const rules = fc
  .record({
    algorithm: fc.constantFrom<AlgorithmName>('sliding_window', 'token_bucket', 'fixed_window'),
    limit: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 121, max: 400 })),
    window: fc.integer({ min: 100, max: 5_000 }),
    burst: fc.integer({ min: 1, max: 60 }),
  })
  .map(compileRule);
/** Pauses in parts of the window. */
const pause = fc.oneof(
  fc.constant(0),
  fc.double({ min: 0, max: 0.05, noNaN: true }),
  fc.double({ min: 0, max: 0.6, noNaN: true }),
);

interface Reservation {
  readonly at: number;
  readonly counted: number;
  readonly cost: number;
  used: number;
}

/** The moments at which units were really used: what is never given back is used when it is charged. */
function momentsOf(reservations: readonly Reservation[]): number[] {
  return reservations.flatMap(({ at, used }) => Array<number>(used).fill(at));
}

describe('what is given back', () => {
  test('lets no true window hold more than the limit, whenever it comes back', () => {
    const history = fc.array(
      fc.record({
        pause,
        cost: fc.integer({ min: 1, max: 12 }),
        isReturn: fc.boolean(),
        back: fc.nat(7),
        part: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { minLength: 5, maxLength: 120, size: 'max' },
    );
    let returned = 0;
    fc.assert(
      fc.property(rules, history, (rule, steps) => {
        const state = createState(rule);
        const reservations: Reservation[] = [];
        let now = START;
        for (const { pause: part, cost, isReturn, back, part: share } of steps) {
          now += Math.floor(part * rule.windowUs);
          const earlier = isReturn ? reservations.at(-1 - back) : undefined;
          const units = earlier ? Math.round(earlier.used * share) : 0;
          if (earlier && units > 0) {
            correct(state, rule, now, { units: -units, at: earlier.counted });
            earlier.used -= units;
            returned += units;
          } else if (step(state, rule, now, cost).admitted) {
            reservations.push({ at: now, counted: now, cost, used: cost });
          }
        }
        expect(findExcess(rule, momentsOf(reservations))).toBe(0);
      }),
      { numRuns: 300 },
    );
    expect(returned).toBeGreaterThan(300);
  });

  test.each<AlgorithmName>(['sliding_window', 'token_bucket', 'fixed_window'])(
    'is all there again when it comes back at once: %s',
    (algorithm) => {
      const rule = compileRule({ algorithm, limit: 1_000, window: 60_000 });
      const state = createState(rule);
      for (let i = 0; i < 50; i += 1) step(state, rule, START + i * 1_000, 7);
      const { remaining } = weigh(state, rule, START + 60_000, 1);
      step(state, rule, START + 60_000, 200);
      correct(state, rule, START + 60_000, { units: -200, at: START + 60_000 });
      expect(weigh(state, rule, START + 60_000, 1).remaining).toBe(remaining);
    },
  );

  test('leaves few cells behind', () => {
    const rule = compileRule({ algorithm: 'sliding_window', limit: 100_000, window: 60_000 });
    const state = createState(rule) as SlidingState;
    for (let i = 0; i < 20_000; i += 1) {
      const now = START + i * 5_000;
      step(state, rule, now, 400);
      correct(state, rule, now + 4_000, { units: -399, at: now });
    }
    expect(state.counts.length - state.first).toBeLessThan(250);
  });
});

describe('what is taken beyond the limit', () => {
  test.each<AlgorithmName>(['sliding_window', 'token_bucket', 'fixed_window'])(
    'delays what comes later: %s',
    (algorithm) => {
      const rule = compileRule({ algorithm, limit: 10, window: 10_000 });
      const state = createState(rule);
      step(state, rule, START, 10);
      correct(state, rule, START + 1_000, { units: 10, at: START });
      expect(weigh(state, rule, START + 1_000, 1)).toMatchObject({ admitted: false, remaining: 0 });
      const { retryUs } = weigh(state, rule, START + 1_000, 1);
      expect(weigh(structuredClone(state), rule, START + 1_000 + retryUs - 1, 1).admitted).toBe(false);
      expect(weigh(state, rule, START + 1_000 + retryUs, 1).admitted).toBe(true);
    },
  );

  test('is paid back in full by a bucket, however long nobody asks', () => {
    const rule = compileRule({ algorithm: 'token_bucket', limit: 10, window: 10_000 });
    const state = createState(rule);
    correct(state, rule, START, { units: 60, at: START });
    expect(weigh(state, rule, START + 49_000_000, 1).admitted).toBe(false);
    expect(weigh(state, rule, START + 51_000_000, 1).admitted).toBe(true);
  });
});

describe('units held for a while', () => {
  test('count as used when that time ends, so that using them last of all breaks no limit', () => {
    const history = fc.array(fc.record({ pause, want: fc.integer({ min: 1, max: 30 }), isHeld: fc.boolean() }), {
      minLength: 5,
      maxLength: 120,
      size: 'max',
    });
    fc.assert(
      fc.property(rules, history, fc.boolean(), (rule: Rule, steps, isLast) => {
        const state = createState(rule);
        const used: number[] = [];
        let now = START;
        for (const { pause: part, want, isHeld } of steps) {
          now += Math.floor(part * rule.windowUs);
          const holdUs = Math.floor(Math.min(rule.windowUs / 60, rule.horizonUs / 10));
          if (isHeld) {
            const { granted, verdict } = lend(state, rule, now, { need: 0, want, share: 1, holdUs });
            const lifeUs = rule.algorithm === 'fixed_window' ? Math.min(holdUs, verdict.resetUs) : holdUs;
            for (let i = 0; i < granted; i += 1)
              used.push(now + (isLast ? Math.max(0, lifeUs - 1) : (lifeUs * i) / granted));
          } else if (step(state, rule, now, 1).admitted) used.push(now);
        }
        expect(
          findExcess(
            rule,
            used.map(Math.floor).sort((a, b) => a - b),
          ),
        ).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('are as many as wanted, as far as a part of what is left goes, and what is needed in any case', () => {
    const rule = compileRule({ algorithm: 'sliding_window', limit: 100, window: 60_000 });
    const state = createState(rule);
    const ask = (need: number, want: number, share: number) =>
      lend(state, rule, START, { need, want, share, holdUs: 1_000 }).granted;
    expect([ask(0, 20, 1), ask(0, 60, 2), ask(0, 60, 4), ask(25, 10, 1), ask(10, 0, 6), ask(1, 1, 1)]).toEqual([
      20, 40, 10, 25, 5, 0,
    ]);
  });

  test('are corrected from the moment at which they count', () => {
    const sliding = compileRule({ algorithm: 'sliding_window', limit: 10, window: 10_000 });
    const fixed = compileRule({ algorithm: 'fixed_window', limit: 10, window: 10_000 });
    expect(findCountedAt(sliding, START, 500)).toBe(START + 500);
    expect(findCountedAt(fixed, START, 500)).toBe(START);
    const state = createState(sliding);
    charge(state, sliding, START, { cost: 10, holdUs: 500 }, weigh(state, sliding, START, 10));
    expect(weigh(state, sliding, START + 10_000_000 + 499, 1).admitted).toBe(false);
    expect(weigh(state, sliding, START + 10_000_000 + 500, 1).admitted).toBe(true);
  });
});

test('is all there again of those who were counted at the same moment, each in a cell of its own', () => {
  const rule = compileRule({ algorithm: 'sliding_window', limit: 1_000, window: 60_000 });
  const state = createState(rule);
  for (let i = 0; i < 5; i += 1) step(state, rule, START, 150);
  for (let i = 0; i < 5; i += 1) correct(state, rule, START + 1_000, { units: -140, at: START });
  expect(weigh(state, rule, START + 1_000, 1).remaining).toBe(950);
});
