import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeLimit, makeLines } from '../../tests/support/limit-lines.ts';
import { buildModel, buildModelCall } from '../../tests/support/model-call-builder.ts';
import { UNBOUNDED } from '../exchange/principal.ts';
import { compileLevel, escapeKey, lowerByClaim } from './line.ts';
import { RouteLimits } from '../policies/limits/route-limits.ts';

const principal = (id: string, limits: readonly unknown[] = []) => ({
  consumer: { id, name: id, tier: undefined },
  credential: { kind: 'api_key' as const, id: `key-${id}`, prefix: 'sk', hashPrefix: '0' },
  ...UNBOUNDED,
  lob: undefined,
  claims: {},
  expiresAt: undefined,
  limits: limits as [],
});

describe('the key of a count', () => {
  test('does not contain the number of the limit', () => {
    const [before] = makeLines({ limit: 10, window: 60_000 });
    const [after] = makeLines({ limit: 99, window: 60_000 });
    expect(after?.key).toBe(before?.key);
  });

  test('differs by window, split, algorithm and name, and for two limits that differ in nothing else', () => {
    const lines = makeLines(
      { limit: 1, window: 60_000 },
      { limit: 2, window: 60_000 },
      { limit: 1, window: 1_000 },
      { limit: 1, window: 60_000, per: ['ip'] },
      { limit: 1, window: 60_000, algorithm: 'token_bucket' },
      { limit: 1, window: 60_000, name: 'burst' },
    );
    expect(new Set(lines.map(({ key }) => key)).size).toBe(lines.length);
  });

  test('is the same on every route for a service, and another on each for a route split', () => {
    const level = {
      level: 'service' as const,
      id: 's',
      rate_limit: { limits: [makeLimit({ limit: 1, window: 1_000 })] },
    };
    const split = { ...level, rate_limit: { limits: [makeLimit({ limit: 1, window: 1_000, per: ['route'] })] } };
    const keys = (of: typeof level) => ['a', 'b'].map((route) => compileLevel(of, { route, service: 's' })[0]?.key);
    expect(new Set(keys(level)).size).toBe(1);
    expect(new Set(keys(split)).size).toBe(2);
  });

  test('cannot be chosen by a hostile name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
        expect(escapeKey(one)).toMatch(/^[\w.:/~-]{0,64}$/);
        expect(escapeKey(one) === escapeKey(other)).toBe(one === other);
      }),
    );
    for (const value of ['{x}', 'a\nb', '*', ' ', 'x'.repeat(1_000_000), 'é', 'a=b'])
      expect(escapeKey(value)).toMatch(/^~[\w-]{43}$/);
  });
});

describe('the lines of a route', () => {
  const levels = [
    {
      level: 'settings' as const,
      id: '',
      rate_limit: { limits: [makeLimit({ limit: 5, window: 1_000, per: ['global'] })] },
    },
    { level: 'service' as const, id: 's', rate_limit: { limits: [makeLimit({ limit: 5, window: 1_000 })] } },
  ];
  const limits = new RouteLimits(levels, { route: 'r', service: 's' });
  const keysOf = (caller: Parameters<RouteLimits['chargesFor']>[0]) => limits.chargesFor(caller).map(({ key }) => key);

  test('count a consumer by its id wherever it comes from, and others apart from it', () => {
    const ada = keysOf({ principal: principal('ada'), clientIp: '1.1.1.1' });
    expect(keysOf({ principal: principal('ada'), clientIp: '2.2.2.2' })).toEqual(ada);
    expect(keysOf({ principal: principal('bo'), clientIp: '1.1.1.1' })).not.toEqual(ada);
    expect(keysOf({ principal: undefined, clientIp: 'ada' })).not.toEqual(ada);
  });

  test('count clients without a credential by address, IPv6 by its /64', () => {
    const [, first] = keysOf({ principal: undefined, clientIp: '2001:db8:1:2::1' });
    const [, same] = keysOf({ principal: undefined, clientIp: '2001:db8:1:2:ffff::9' });
    const [, other] = keysOf({ principal: undefined, clientIp: '2001:db8:1:3::1' });
    expect(same).toBe(first);
    expect(other).not.toBe(first);
  });

  test('include those of the consumer and the key, which follow the caller to every route', () => {
    const own = { level: 'consumer', id: 'ada', rate_limit: { limits: [makeLimit({ limit: 1, window: 60_000 })] } };
    const ada = principal('ada', [own]);
    const here = limits.chargesFor({ principal: ada, clientIp: '1.1.1.1' });
    const there = new RouteLimits([], { route: 'x', service: 'y' }).chargesFor({ principal: ada, clientIp: '1.1.1.1' });
    expect(here.map(({ line }) => line.name)).toEqual(['settings:1s:global', 'service:1s', 'consumer:1m']);
    expect(there.map(({ key }) => key)).toEqual([here[2]?.key]);
  });

  test('put all counts of a consumer under one hash tag', () => {
    const credential = [
      { ...levels[1], rate_limit: { limits: [makeLimit({ limit: 1, window: 1_000, per: ['credential'] })] } },
    ];
    const other = new RouteLimits(credential as typeof levels, { route: 'r', service: 's' });
    const caller = { principal: principal('ada'), clientIp: '1.1.1.1' };
    const tag = /\{[^}]+\}/;
    expect(tag.exec(other.chargesFor(caller)[0]?.key ?? '')?.[0]).toBe(tag.exec(keysOf(caller)[1] ?? '')?.[0]);
  });
});

describe('limits by model', () => {
  const levels = [
    {
      level: 'route' as const,
      id: 'r',
      rate_limit: { limits: [makeLimit({ limit: 5, window: 1_000, per: ['model'] })] },
    },
    {
      level: 'model' as const,
      id: 's/gpt-4',
      model: 'gpt-4',
      rate_limit: { limits: [makeLimit({ limit: 2, window: 1_000 })] },
    },
  ];
  const limits = new RouteLimits(levels, { route: 'r', service: 's' });
  const asking = (...names: [string, ...string[]]) => ({
    principal: principal('ada'),
    clientIp: '1.1.1.1',
    model: buildModelCall(...names),
  });
  const keysOf = (...names: [string, ...string[]]) => limits.chargesFor(asking(...names)).map(({ key }) => key);

  test('written on a model count the requests for it, whoever answers them', () => {
    expect(keysOf('gpt-4')).toHaveLength(2);
    expect(keysOf('llama-2', 'gpt-4')).toHaveLength(1);
    const fallenBack = asking('gpt-4', 'llama-2');
    fallenBack.model.model = buildModel('llama-2');
    expect(limits.chargesFor(fallenBack).map(({ key }) => key)).toEqual(keysOf('gpt-4'));
  });

  test('split by model give each of the catalogue a count, and all other names one', () => {
    const unlisted = (name: string) => ({
      ...asking(name),
      model: { ...buildModelCall(name), candidates: [buildModel(name, { isListed: false })] },
    });
    const keys = [
      asking('gpt-4'),
      asking('llama-2'),
      unlisted('a'),
      unlisted('b'),
      { ...asking('x'), model: undefined },
    ];
    expect(new Set(keys.map((caller) => limits.chargesFor(caller)[0]?.key)).size).toBe(3);
  });

  test('say nothing before the body is read', () => {
    expect(limits.earlyChargesFor({ principal: principal('ada'), clientIp: '1.1.1.1' })).toEqual([]);
  });
});

describe('the limits of tiers', () => {
  const tier = (id: string, limit: number) => ({
    level: 'tier' as const,
    id,
    rate_limit: { limits: [makeLimit({ limit, window: 60_000 })] },
  });
  const unknown: string[] = [];
  const report = (name: string) => void unknown.push(name);
  const limits = new RouteLimits([tier('free', 10), tier('pro', 100)], { route: 'r', service: 's' }, report);
  const onTier = (name: string | undefined, id = 'ada') => {
    const principalOnTier = { ...principal(id), consumer: { id, name: id, tier: name } };
    return limits.chargesFor({ principal: principalOnTier, clientIp: '1.1.1.1' });
  };

  test('apply to the consumers of the tier and to nobody else', () => {
    const found = ['free', 'pro', undefined].map((name) => onTier(name).map(({ line }) => line.rule.limit));
    expect(found).toEqual([[10], [100], []]);
    expect(limits.chargesFor({ principal: undefined, clientIp: '1.1.1.1' })).toEqual([]);
  });

  test('count each consumer apart, and anew on another tier', () => {
    const keys = [onTier('free'), onTier('free', 'bo'), onTier('pro')].map(([charge]) => charge?.key);
    expect(new Set(keys).size).toBe(3);
    expect(onTier('free')[0]?.key).toBe(keys[0]);
  });

  test('do not exist for a tier nobody declared, which is reported', () => {
    expect(onTier('gone')).toEqual([]);
    expect(unknown).toEqual(['gone']);
  });
});

describe('a count split by', () => {
  const levels = (per: 'tier' | 'lob') => [
    {
      level: 'settings' as const,
      id: '',
      rate_limit: { limits: [makeLimit({ limit: 1, window: 1_000, per: [per] })] },
    },
  ];
  const ada = { ...principal('ada'), consumer: { id: 'ada', name: 'ada', tier: 'pro' }, lob: 'wealth' };
  const bo = { ...principal('bo'), consumer: { id: 'bo', name: 'bo', tier: 'pro' }, lob: 'retail' };

  test.each(['tier', 'lob'] as const)('%s is shared by the callers of one, and by those without', (per) => {
    const limits = new RouteLimits(levels(per), { route: 'r', service: 's' });
    const charge = (caller: typeof ada | undefined) => limits.chargesFor({ principal: caller, clientIp: '1.1.1.1' })[0];
    const keyOf = (caller: typeof ada | undefined) => charge(caller)?.key;
    expect(keyOf(ada) === keyOf(bo)).toBe(per === 'tier');
    expect(keyOf(ada)).toBe(keyOf({ ...ada, consumer: { ...ada.consumer, id: 'cy' } }));
    expect(keyOf(undefined)).not.toBe(keyOf(ada));
    expect(charge(ada)?.line.isShared).toBe(true);
  });
});

describe('a limit that a claim may lower', () => {
  const [line] = makeLines({ limit: 100, window: 60_000, limit_claim: { claim: 'rate_limit' } });
  const limitFor = (claims: Parameters<typeof lowerByClaim>[1], of = line) => of && lowerByClaim(of, claims).rule.limit;

  test.each([
    [{}, 100],
    [{ rate_limit: 40 }, 40],
    [{ rate_limit: '40' }, 40],
    [{ rate_limit: 40.9 }, 40],
    [{ rate_limit: 0 }, 1],
    [{ rate_limit: -5 }, 1],
    [{ rate_limit: 1e9 }, 100],
    [{ rate_limit: Number.POSITIVE_INFINITY }, 100],
    [{ rate_limit: Number.NaN }, 100],
    [{ rate_limit: 'lots' }, 100],
    [{ rate_limit: true }, 100],
    [{ rate_limit: ['5'] }, 100],
    [{ other: 5 }, 100],
  ])('by %j is %i', (claims, limit) => {
    expect(limitFor(claims)).toBe(limit);
  });

  test('is never raised, whatever the claim, the cap and the algorithm', () => {
    const algorithm = fc.constantFrom('sliding_window' as const, 'token_bucket' as const, 'fixed_window' as const);
    const amount = fc.integer({ min: 1, max: 2_000 });
    fc.assert(
      fc.property(algorithm, amount, amount, fc.integer({ min: -5, max: 3_000 }), (kind, limit, max, claim) => {
        const capped = { limit, window: 60_000, algorithm: kind, limit_claim: { claim: 'x', max } };
        const [of] = makeLines(kind === 'token_bucket' ? { ...capped, burst: 7 } : capped);
        const lowered = of && lowerByClaim(of, { x: claim });
        expect(lowered?.rule.limit).toBe(Math.max(1, Math.min(limit, max, claim)));
        expect(lowered?.rule.capacity).toBeLessThanOrEqual(of?.rule.capacity ?? 0);
        expect(lowered?.key).toBe(of?.key);
      }),
    );
  });

  test('stays one count: of two tokens of a consumer each is held to its own part of it', () => {
    const level = {
      level: 'service' as const,
      id: 's',
      rate_limit: { limits: line?.lowerable ? [line.lowerable] : [] },
    };
    const limits = new RouteLimits([level], { route: 'r', service: 's' });
    const charge = (amount: number) =>
      limits.chargesFor({ principal: { ...principal('ada'), claims: { rate_limit: amount } }, clientIp: '1.1.1.1' })[0];
    expect([charge(5)?.line.rule.limit, charge(50)?.line.rule.limit]).toEqual([5, 50]);
    expect(charge(5)?.key).toBe(charge(50)?.key);
  });
});
