import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildExchange } from '../../tests/support/exchange-builder.ts';
import { buildTarget } from '../../tests/support/target-builder.ts';
import { createBalancer } from './balancer.ts';
import type { Target } from './targets.ts';

const exchange = buildExchange();
const METHODS = ['round_robin', 'least_requests'] as const;

function countPicks(pick: () => Target | undefined, times: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < times; i++) {
    const name = pick()?.name ?? 'none';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
const build = (list: readonly number[]) => list.map((weight, i) => buildTarget(`t${i}:80`, weight));

describe.each(METHODS)('%s', (method) => {
  test('never picks an unavailable target, and finds one whenever there is one', () => {
    const unwell = fc.array(fc.constantFrom('well', 'unhealthy', 'open'), { minLength: 8, maxLength: 8 });
    const tried = fc.array(fc.nat({ max: 7 }), { maxLength: 8 });
    fc.assert(
      fc.property(weights, fc.array(fc.tuple(unwell, tried), { maxLength: 20 }), (list, rounds) => {
        const targets = build(list);
        const pick = createBalancer(method, targets);
        for (const [states, triedIndexes] of rounds) {
          targets.forEach((target, i) => {
            target.isHealthy = states[i] !== 'unhealthy';
            target.isAdmitting = states[i] !== 'open';
          });
          const used = targets.filter((_, i) => triedIndexes.includes(i));
          const picked = pick(used, exchange);
          expect(picked !== undefined).toBe(targets.some((target) => target.isAvailable));
          if (!picked) continue;
          expect(picked.isAvailable).toBe(true);
          const hasFresh = targets.some((target) => target.isAvailable && !used.includes(target));
          expect(used.includes(picked)).toBe(!hasFresh);
        }
      }),
    );
  });

  test('a service without targets has nothing to pick', () => {
    expect(createBalancer(method, [])([], exchange)).toBeUndefined();
  });
});

describe('round_robin', () => {
  test('gives every target exactly its weight in every cycle', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 4 }), (list, cycles) => {
        const targets = build(list);
        const pick = createBalancer('round_robin', targets);
        const cycle = list.reduce((sum, weight) => sum + weight, 0);
        for (let i = 0; i < cycles; i++) {
          const counts = countPicks(() => pick([], exchange), cycle);
          for (const target of targets) expect(counts.get(target.name)).toBe(target.weight);
        }
      }),
    );
  });

  test('spreads a heavy target instead of calling it in runs', () => {
    const pick = createBalancer('round_robin', [buildTarget('a', 5), buildTarget('b', 1), buildTarget('c', 1)]);
    expect(Array.from({ length: 7 }, () => pick([], exchange)?.name).join('')).toBe('aabacaa');
  });

  test('the others take over the share of a target that is away, and it returns without a burst', () => {
    const [a, b] = [buildTarget('a'), buildTarget('b')];
    const pick = createBalancer('round_robin', [a, b]);
    a.isHealthy = false;
    expect(countPicks(() => pick([], exchange), 100)).toEqual(new Map([['b', 100]]));
    a.isHealthy = true;
    const counts = countPicks(() => pick([], exchange), 10);
    expect([counts.get('a'), counts.get('b')]).toEqual([5, 5]);
  });
});

describe('least_requests', () => {
  test('of two targets always takes the one with fewer requests per weight', () => {
    const [small, large] = [buildTarget('small', 1), buildTarget('large', 4)];
    const pick = createBalancer('least_requests', [small, large]);
    small.inFlight = 2;
    large.inFlight = 7;
    expect(countPicks(() => pick([], exchange), 50)).toEqual(new Map([['large', 50]]));
    large.inFlight = 9;
    expect(countPicks(() => pick([], exchange), 50)).toEqual(new Map([['small', 50]]));
  });

  test('idle targets get their weight', () => {
    const pick = createBalancer('least_requests', [buildTarget('a', 3), buildTarget('b', 1)]);
    const share = (countPicks(() => pick([], exchange), 8_000).get('a') ?? 0) / 8_000;
    expect(share).toBeGreaterThan(0.7);
    expect(share).toBeLessThan(0.8);
  });

  test('keeps running requests within a few of each other', () => {
    const targets = Array.from({ length: 10 }, (_, i) => buildTarget(`t${i}`));
    const pick = createBalancer('least_requests', targets);
    for (let i = 0; i < 1_000; i++) (pick([], exchange) as Target).inFlight++;
    const inFlight = targets.map((target) => target.inFlight);
    expect(Math.max(...inFlight) - Math.min(...inFlight)).toBeLessThan(10);
  });
});
