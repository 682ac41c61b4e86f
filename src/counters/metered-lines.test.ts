import { plainPrice } from '../exchange/model-price.ts';
import { describe, expect, test } from '@jest/globals';
import { makeBudgets, makeLimit, makeLines } from '../../tests/support/limit-lines.ts';
import { buildModel, buildModelCall } from '../../tests/support/model-call-builder.ts';
import type { ModelCall } from '../exchange/model-call.ts';
import type { Principal } from '../exchange/principal.ts';
import { amountText } from '../policies/limits/amount-text.ts';
import { lowerByClaim, type Line } from './line.ts';
import { RouteLimits } from '../policies/limits/route-limits.ts';
import type { LimitConfig } from '../policies/limits/schema.ts';

const PLACE = { route: 'r', service: 's' };
const NOW = { now: () => Date.UTC(2026, 10, 20) };

function limitsOf(...limits: Parameters<typeof makeLimit>[0][]): RouteLimits {
  const level = { level: 'service' as const, id: 's', rate_limit: { limits: limits.map(makeLimit) } };
  return new RouteLimits([level], PLACE, undefined, NOW);
}

/** 100 tokens of prompt and 1,024 of answer; the second model costs ten times as much. */
const call: ModelCall = {
  ...buildModelCall('cheap'),
  candidates: [
    buildModel('cheap', { price: plainPrice(1_000_000, 2_000_000) }),
    buildModel('dear', { price: plainPrice(10_000_000, 20_000_000) }),
  ],
};
const anybody = { principal: undefined, clientIp: '1.1.1.1' };
const money = { limit: 0.5, window: 60_000, count: 'cost_usd' } as const;

describe('what a request takes', () => {
  test('is one, or the tokens it may come to, or what they cost of the dearest model that may answer', () => {
    const limits = limitsOf({ limit: 9, window: 60_000 }, { limit: 9_000, window: 60_000, count: 'tokens' }, money);
    expect(limits.chargesFor({ ...anybody, model: call }).map(({ cost }) => cost)).toEqual([1, 1_124, 21_480_000]);
  });

  test('is never more than one more than there ever is, so that sums stay exact', () => {
    const limits = limitsOf({ limit: 1_000, window: 60_000, count: 'tokens' });
    expect(limits.chargesFor({ ...anybody, model: call })[0]?.cost).toBe(1_001);
  });

  test.each(['count_tokens', 'models'] as const)(
    'is nothing of tokens and money where none are used: %s',
    (operation) => {
      const limits = limitsOf({ limit: 9_000, window: 60_000, count: 'tokens' }, money);
      expect(limits.chargesFor({ ...anybody, model: { ...call, operation } })).toEqual([]);
      expect(limits.chargesFor(anybody)).toEqual([]);
    },
  );

  test('is not known before the body is read', () => {
    const limits = limitsOf({ limit: 9, window: 60_000 }, { limit: 9_000, window: 60_000, count: 'tokens' });
    expect(limits.earlyChargesFor(anybody).map(({ line }) => line.unit)).toEqual(['requests']);
  });
});

describe('a count', () => {
  const keysFor = (per: LimitConfig['per'], caller: Parameters<RouteLimits['chargesFor']>[0]): string[] =>
    limitsOf({ limit: 9_000, window: 60_000, count: 'tokens', per })
      .chargesFor(caller)
      .map(({ key }) => key);
  const caller = (id: string, fields: Partial<Principal> = {}, tier?: string) => {
    const credential = { id: `key-${id}` } as Principal['credential'];
    const principal = { consumer: { id, name: id, tier }, credential, limits: [], claims: {}, lob: id, ...fields };
    return { principal: principal as unknown as Principal, clientIp: `10.0.0.${id.length}`, model: call };
  };

  test.each(['consumer', 'credential', 'ip', 'tier', 'lob'] as const)('of tokens is split per %s', (dimension) => {
    const [a] = keysFor([dimension], caller('ada', {}, 'free'));
    const [b] = keysFor([dimension], caller('robert', {}, 'pro'));
    expect(a).not.toBe(b);
    expect(keysFor([dimension], caller('ada', {}, 'free'))).toEqual([a]);
  });

  test('of tokens is split per model, route and service, or not at all', () => {
    const other = { ...call, candidates: [buildModel('other')] as const };
    expect(keysFor(['model'], caller('ada'))).not.toEqual(keysFor(['model'], { ...caller('ada'), model: other }));
    expect(keysFor(['route'], caller('ada'))[0]).toContain('route=r');
    expect(keysFor(['service'], caller('ada'))[0]).toContain('service=s');
    expect(keysFor(['global'], caller('ada'))).toEqual(keysFor(['global'], caller('robert')));
  });

  test('of each unit is one of its own, and that of requests keeps the key it has always had', () => {
    const lines = makeLines({ limit: 9, window: 60_000 }, { limit: 9, window: 60_000, count: 'tokens' }, money);
    expect(lines.map(({ key }) => key)).toEqual([
      'service:orders::60000:consumer:sliding_window:',
      'service:orders::60000:consumer:sliding_window:tokens:',
      'service:orders::60000:consumer:sliding_window:cost_usd:',
    ]);
    expect(lines.map(({ name }) => name)).toEqual(['service:1m', 'service:tokens:1m', 'service:cost_usd:1m']);
  });

  test('of a budget begins anew with the day or month', () => {
    const [line] = makeBudgets({ cost_usd: 20, every: 'month' });
    const level = { level: 'tier' as const, id: 't', rate_limit: { limits: [] } };
    const budget = [{ cost_usd: 20, every: 'month' as const, per: ['consumer' as const], dry_run: false }];
    const clock = { ms: Date.UTC(2026, 10, 30, 23, 59) };
    const limits = new RouteLimits([{ ...level, budget }], PLACE, undefined, { now: () => clock.ms });
    const asked = { ...caller('ada', {}, 't') };
    const [november] = limits.chargesFor(asked);
    clock.ms += 60_000;
    const [december] = limits.chargesFor(asked);
    expect([november?.key, december?.key]).toEqual([
      'tier:t::month:consumer:budget:cost_usd:2026-11:{c=ada}',
      'tier:t::month:consumer:budget:cost_usd:2026-12:{c=ada}',
    ]);
    expect(december?.line.rule).toMatchObject({ limit: 20_000_000_000, endUs: Date.UTC(2027, 0, 1) * 1000 });
    expect(line?.lease.from).toBe(Number.POSITIVE_INFINITY);
  });
});

test.each([
  ['0.25', 250_000_000],
  [0.1, 100_000_000],
  [7, 500_000_000],
  [-1, 1],
])('a claim of %p lowers half a dollar to %i billionths', (claim, limit) => {
  const [line] = makeLines({ ...money, limit_claim: { claim: 'spend' } });
  expect(lowerByClaim(line as Line, { spend: claim }).rule.limit).toBe(limit);
});

test.each([
  [1, 'requests', '1 request'],
  [12_345, 'tokens', '12,345 tokens'],
  [20_000_000_000, 'cost_usd', '$20.00'],
  [120_000_000, 'cost_usd', '$0.12'],
  [21_480_000, 'cost_usd', '$0.021'],
  [1, 'cost_usd', '$0.000000001'],
  [0, 'cost_usd', '$0'],
] as const)('%i %s are told as %s', (units, unit, text) => {
  expect(amountText(units, unit)).toBe(text);
});
