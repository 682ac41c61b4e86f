import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildExchange } from '../../tests/support/exchange-builder.ts';
import { buildModelCall } from '../../tests/support/model-call-builder.ts';
import { buildTarget } from '../../tests/support/target-builder.ts';
import { HeaderList } from '../edge/header-list.ts';
import { createBalancer } from './balancer.ts';
import type { BalancedExchange, Target } from './targets.ts';

const exchange = buildExchange();
const METHODS = ['round_robin', 'least_requests', 'latency', 'hash:consumer', 'hash:header:x-session'] as const;

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

  test('offers only targets that serve the model asked for, also where there is one target', () => {
    const [chat, all] = [buildTarget('chat:80', 1, ['gpt-*']), buildTarget('all:80')];
    const asking = (model: string) => Object.assign(buildExchange(), { model: buildModelCall(model) });
    expect(createBalancer(method, [chat])([], asking('gpt-4'))).toBe(chat);
    expect(createBalancer(method, [chat])([], asking('llama'))).toBeUndefined();
    const pick = createBalancer(method, [chat, all]);
    expect(countPicks(() => pick([], asking('llama')), 10)).toEqual(new Map([['all:80', 10]]));
    expect(pick([all], asking('llama'))).toBe(all);
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

describe('latency', () => {
  const now = performance.now();
  const answer = (target: Target, ms: number) => target.noteAttempt('success', ms, now, undefined);

  test('of two targets takes the one that begins its answers sooner', () => {
    const [slow, fast] = [buildTarget('slow'), buildTarget('fast')];
    answer(slow, 300);
    answer(fast, 100);
    const pick = createBalancer('latency', [slow, fast]);
    expect(countPicks(() => pick([], exchange), 50)).toEqual(new Map([['fast', 50]]));
    fast.inFlight = 4;
    expect(countPicks(() => pick([], exchange), 50)).toEqual(new Map([['slow', 50]]));
  });

  test('tries an idle target without figures first, and no second time before it has answered', () => {
    const [known, fresh] = [buildTarget('known'), buildTarget('fresh')];
    answer(known, 900);
    const pick = createBalancer('latency', [known, fresh]);
    expect(pick([], exchange)).toBe(fresh);
    fresh.inFlight = 1;
    expect(countPicks(() => pick([], exchange), 20)).toEqual(new Map([['known', 20]]));
  });

  test('does not take a target that fails quickly for a fast one', () => {
    const [good, broken] = [buildTarget('good'), buildTarget('broken')];
    answer(good, 900);
    broken.noteAttempt('failure', 1, now, undefined);
    const pick = createBalancer('latency', [good, broken]);
    expect(countPicks(() => pick([], exchange), 20)).toEqual(new Map([['good', 20]]));
  });
});

describe('hash', () => {
  const calling = (id: string): BalancedExchange =>
    Object.assign(buildExchange(), { principal: { consumer: { id, name: id, tier: undefined } } });
  const keys = Array.from({ length: 2_000 }, (_, i) => `consumer-${i}`);
  const mapWith = (targets: Target[]) => {
    const pick = createBalancer('hash:consumer', targets);
    return new Map(keys.map((key) => [key, pick([], calling(key))?.name]));
  };

  test('a target that is lost moves only its own share, and gets exactly that back', () => {
    const targets = build([1, 1, 1, 1, 1]);
    const before = mapWith(targets);
    (targets[2] as Target).isHealthy = false;
    const without = mapWith(targets);
    for (const key of keys) {
      if (before.get(key) === 't2:80') expect(without.get(key)).not.toBe('t2:80');
      else expect(without.get(key)).toBe(before.get(key));
    }
    const heirs = new Set(keys.filter((key) => before.get(key) === 't2:80').map((key) => without.get(key)));
    expect(heirs.size).toBe(4);
    (targets[2] as Target).isHealthy = true;
    expect(mapWith(targets)).toEqual(before);
  });

  test('does not depend on the order in which targets are written', () => {
    expect(mapWith(build([1, 1, 1, 1]))).toEqual(mapWith(build([1, 1, 1, 1]).reverse()));
  });

  test('gives targets their weight', () => {
    const names = [...mapWith(build([1, 3])).values()];
    const share = names.filter((name) => name === 't1:80').length / names.length;
    expect(share).toBeGreaterThan(0.7);
    expect(share).toBeLessThan(0.8);
  });

  test('a header decides where it is sent; without it the consumer, and without one the client address', () => {
    const targets = build(Array.from({ length: 50 }, () => 1));
    const byHeader = createBalancer('hash:header:X-Session', targets);
    const byConsumer = createBalancer('hash:consumer', targets);
    const sessions = HeaderList.from(['x-session', 'consumer-1']);
    const withHeader = buildExchange({ headers: sessions });
    expect(byHeader([], withHeader)).toBe(byConsumer([], calling('consumer-1')));
    expect(byHeader([], calling('consumer-2'))).toBe(byConsumer([], calling('consumer-2')));
    expect(byHeader([], exchange)).toBe(byConsumer([], calling(exchange.clientIp)));
  });
});
