import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeLimit, makeLines } from '../../../tests/support/limit-lines.ts';
import { UNBOUNDED } from '../../exchange/principal.ts';
import { compileLevel, escapeKey } from './line.ts';
import { RouteLimits } from './route-limits.ts';

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
