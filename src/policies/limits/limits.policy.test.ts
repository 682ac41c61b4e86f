import { describe, expect, test } from '@jest/globals';
import { type LimitInput, makeLimit } from '../../../tests/support/limit-lines.ts';
import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Principal } from '../../exchange/principal.ts';
import { Shelf } from '../../lib/shelf.ts';
import type { ServiceMetrics } from '../../telemetry/metrics.ts';
import type { Verdict } from '../policy.ts';
import type { CounterStore } from '../../counters/counter-store.ts';
import { createLimitSteps } from './limits.policy.ts';
import { MemoryCounters } from '../../counters/memory-counters.ts';

const START_MS = 1_790_000_000_000;

function openRoute(limits: readonly LimitInput[], store?: CounterStore) {
  const clock = { ms: START_MS };
  const reported: string[] = [];
  const counters = store ?? new MemoryCounters({ nowUs: () => clock.ms * 1000 });
  const free = { level: 'tier' as const, id: 'free', rate_limit: { limits: [] } };
  const levels = [free, { level: 'service' as const, id: 's', rate_limit: { limits: limits.map(makeLimit) } }];
  const metrics = {
    service: () => ({ rateLimited: (name: string) => reported.push(name) }) as unknown as ServiceMetrics,
  };
  const warnings: unknown[] = [];
  const log = { warn: (fields: unknown) => void warnings.push(fields) };
  const time = { now: () => clock.ms, monotonic: () => clock.ms };
  const deps = { clock: time, counters, metrics, log, shelf: new Shelf().hold() };
  const [peek, , decide] = createLimitSteps(levels, deps, { route: 'r', service: 's' });
  if (!peek || !decide) throw new Error('two steps are expected');
  /** With counts in memory every step is synchronous. */
  const ask = (exchange: Exchange): Verdict => decide.decide(exchange) as Verdict;
  return { clock, reported, warnings, peek, decide, ask };
}

function from(clientIp: string): Exchange {
  return { clientIp, principal: undefined, limit: undefined } as unknown as Exchange;
}

describe('the limits policy', () => {
  test('refuses with the limit, the wait and the time of the reset, in words, headers and facts', () => {
    const { clock, ask, reported } = openRoute([{ limit: 1, window: 60_000 }]);
    expect(ask(from('1.1.1.1'))).toBeUndefined();
    clock.ms += 18_000;
    const exchange = from('1.1.1.1');
    const refusal = ask(exchange) as Rejection;
    expect(refusal.status).toBe(429);
    expect(refusal.code).toBe('RATE_LIMIT_EXCEEDED');
    expect(refusal.detail).toBe('Rate limit exceeded: 1 request per minute, 0 requests left; retry after 42 seconds.');
    expect(refusal.headers).toEqual({ 'Retry-After': '42', 'retry-after-ms': '42000' });
    expect(refusal.facts).toEqual({
      retryAfterSeconds: 42,
      limit: 1,
      currentCount: 1,
      limitType: 'minute',
      resetAtMs: START_MS + 60_000,
    });
    expect(exchange.limit).toEqual({ limit: 1, remaining: 0, resetMs: 42_000, windowMs: 60_000, name: 'service:1m' });
    expect(reported).toEqual(['service:1m']);
  });

  test.each([
    [60_000, 60, '60 requests per minute', 'minute'],
    [1_000, 2, '2 requests per second', 'second'],
    [3_600_000, 3, '3 requests per hour', 'hour'],
    [86_400_000, 1, '1 request per day', 'day'],
    [90_000, 5, '5 requests per 90 seconds', '90s'],
  ])('names a window of %i ms', (window, limit, text, type) => {
    const { ask } = openRoute([{ limit, window, algorithm: 'token_bucket' }]);
    for (let i = 0; i < limit; i += 1) ask(from('1.1.1.1'));
    const refusal = ask(from('1.1.1.1')) as Rejection;
    expect(refusal.detail).toContain(text);
    expect(refusal.facts?.limitType).toBe(type);
  });

  test('announces a wait after which the same request is admitted, the longest of all lines that refuse', () => {
    const { clock, ask } = openRoute([
      { limit: 1, window: 1_000 },
      { limit: 1, window: 60_000, algorithm: 'fixed_window' },
    ]);
    ask(from('1.1.1.1'));
    const refusal = ask(from('1.1.1.1')) as Rejection;
    clock.ms += Number(refusal.headers?.['retry-after-ms']);
    expect(ask(from('1.1.1.1'))).toBeUndefined();
  });

  test('spreads the returns to a shared limit over a tenth of the wait', () => {
    const { ask } = openRoute([{ limit: 1, window: 60_000, per: ['global'] }]);
    ask(from('1.1.1.1'));
    const waits = Array.from({ length: 200 }, (_, i) => {
      const refusal = ask(from(`1.1.1.${i}`)) as Rejection;
      return Number(refusal.headers?.['retry-after-ms']);
    });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(60_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(66_000);
    expect(new Set(waits).size).toBeGreaterThan(100);
  });

  test('shows the line with the least left', () => {
    const { ask } = openRoute([
      { limit: 100, window: 1_000 },
      { limit: 3, window: 60_000 },
    ]);
    const exchange = from('1.1.1.1');
    ask(exchange);
    expect(exchange.limit).toMatchObject({ limit: 3, remaining: 2, name: 'service:1m' });
  });

  test('refuses at the peek who is known to be refused, and lets everybody else pass it', () => {
    const { peek, ask } = openRoute([{ limit: 1, window: 60_000 }]);
    expect(peek.decide(from('1.1.1.1'))).toBeUndefined();
    ask(from('1.1.1.1'));
    ask(from('1.1.1.1'));
    expect(peek.decide(from('1.1.1.1'))).toBeInstanceOf(Rejection);
    expect(peek.decide(from('2.2.2.2'))).toBeUndefined();
  });

  test('reports what a dry run would have refused, and shows it to nobody', () => {
    const { ask, reported } = openRoute([{ limit: 1, window: 60_000, dry_run: true, name: 'trial' }]);
    const exchange = from('1.1.1.1');
    ask(exchange);
    expect(ask(exchange)).toBeUndefined();
    expect(reported).toEqual(['trial:dry_run']);
    expect(exchange.limit).toBeUndefined();
  });

  test('warns once of a tier that nobody has declared, and counts on without it', () => {
    const { decide, warnings } = openRoute([{ limit: 9, window: 60_000 }]);
    const onTier = (tier: string): Exchange => {
      const principal = { consumer: { id: tier, name: tier, tier }, limits: [] };
      return Object.assign(from('1.1.1.1'), { principal: principal as unknown as Principal });
    };
    for (const tier of ['gone', 'gone', 'free']) {
      const exchange = onTier(tier);
      void decide.decide(exchange);
      expect(exchange.limit?.name).toBe('service:1m');
    }
    for (let i = 0; i < 500; i += 1) void decide.decide(onTier(`t${i}`));
    expect(warnings[0]).toEqual({ tier: 'gone' });
    expect(warnings).toHaveLength(100);
  });

  test.each([
    ['unavailable' as const, 'STORE_UNAVAILABLE'],
    ['admitted' as const, undefined],
  ])('answers a store that is away as configured: %s', async (outcome, code) => {
    const store: CounterStore = {
      hasDenials: false,
      degraded: 'connection',
      peek: () => undefined,
      adjust: () => undefined,
      read: async () => [undefined],
      decide: async () => ({ outcome, verdicts: [undefined] }),
      close: async () => undefined,
    };
    const { decide } = openRoute([{ limit: 1, window: 60_000 }], store);
    const verdict = (await decide.decide(from('1.1.1.1'))) as Rejection | undefined;
    expect(verdict?.code).toBe(code);
  });
});
