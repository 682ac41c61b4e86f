/**
 * What the limit step of a request costs in CPU time: four lines over 1,000 callers, decided in this process, in units
 * taken in advance from Redis, and each in Redis. `metered`: two lines of requests, one of tokens and a budget of money, each
 * reserved and settled.
 *
 *   npm --prefix bench run limits -- [--redis redis://127.0.0.1:6379]
 */
import { plainPrice } from '../src/exchange/model-price.ts';
import { parseArgs } from 'node:util';
import type { Exchange } from '../src/exchange/exchange.ts';
import type { Model } from '../src/exchange/model-call.ts';
import { Shelf } from '../src/lib/shelf.ts';
import { systemClock } from '../src/lib/clock.ts';
import type { CounterStore } from '../src/counters/counter-store.ts';
import { createLimitSteps } from '../src/policies/limits/limits.policy.ts';
import { openCounters } from '../src/counters/open-counters.ts';
import type { LimitConfig, LimitLevelConfig } from '../src/policies/limits/schema.ts';

type Mode = LimitConfig['mode'] | 'metered';

const ROUNDS = 5;
const AT_ONCE = 32;

const metrics = { service: () => ({ rateLimited: () => undefined }) };

function makeLimit(limit: Pick<LimitConfig, 'limit' | 'window' | 'mode'> & Partial<LimitConfig>): LimitConfig {
  return { count: 'requests', per: ['consumer'], algorithm: 'sliding_window', dry_run: false, ...limit };
}

function makeLevels(mode: LimitConfig['mode']): LimitLevelConfig[] {
  const own = [60_000, 3_600_000, 86_400_000].map((window) => makeLimit({ limit: 100_000_000, window, mode }));
  const shared = makeLimit({ limit: 900_000_000, window: 60_000, mode, per: ['global'] });
  return [
    { level: 'settings', id: '', rate_limit: { limits: [shared] } },
    { level: 'service', id: 'orders', rate_limit: { limits: own } },
  ];
}

function makeMeteredLevels(): LimitLevelConfig[] {
  const own = makeLimit({ limit: 100_000_000, window: 60_000, mode: 'auto' });
  const shared = makeLimit({ limit: 900_000_000, window: 60_000, mode: 'auto', per: ['global'] });
  const tokens = makeLimit({ limit: 900_000_000_000, window: 60_000, mode: 'auto', count: 'tokens' });
  const budget = [{ cost_usd: 900_000, every: 'month' as const, per: ['consumer' as const], dry_run: false }];
  return [
    { level: 'settings', id: '', rate_limit: { limits: [shared] } },
    { level: 'service', id: 'chat', rate_limit: { limits: [own, tokens] }, budget },
  ];
}

const MODEL: Model = {
  name: 'm',
  upstreamName: 'm',
  price: plainPrice(150_000, 600_000),
  maxOutputTokens: 1_024,
  isListed: true,
};

/** A request to a model that ends as soon as it was let through. */
function meter(exchange: Exchange): Exchange {
  const hooks: (() => void)[] = [];
  const usage = { inputTokens: 90, outputTokens: 200, isEstimated: false };
  const model = {
    operation: 'chat',
    candidates: [MODEL],
    estimatedInputTokens: 100,
    maxOutputTokens: 1_024,
    model: MODEL,
  };
  return Object.assign(exchange, {
    model: { ...model, usage, lost: [] },
    attempts: [],
    onSettled: (hook: () => void) => void hooks.push(hook),
    settle: () => hooks.pop()?.(),
  });
}

function makeExchanges(callers: number): Exchange[] {
  return Array.from({ length: callers }, (_, i) => {
    const consumer = { id: `caller-${i}`, name: `caller-${i}`, tier: undefined };
    const principal = { consumer, limits: [], claims: {}, credential: { id: `k${i}` } };
    return { clientIp: '10.0.0.1', principal, limit: undefined } as unknown as Exchange;
  });
}

async function measure(counters: CounterStore, mode: Mode, callers: number, requests: number) {
  const deps = { clock: systemClock, counters, metrics, log: { warn: () => undefined }, shelf: new Shelf().hold() };
  const steps = createLimitSteps(mode === 'metered' ? makeMeteredLevels() : makeLevels(mode), deps as never, {
    route: 'orders',
    service: 'orders',
  });
  const plain = makeExchanges(callers);
  const exchanges = mode === 'metered' ? plain.map(meter) : plain;
  const [peek, decide] = steps;
  const best = { cpu: Number.POSITIVE_INFINITY, synchronous: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    let synchronous = 0;
    for (let i = 0; i < requests; i += AT_ONCE) {
      const waiting: unknown[] = [];
      for (let j = 0; j < AT_ONCE; j += 1) {
        const exchange = exchanges[(i + j) % callers] as Exchange;
        void peek?.decide(exchange);
        const verdict = decide?.decide(exchange);
        if (verdict instanceof Promise)
          waiting.push(mode === 'metered' ? verdict.then(() => exchange.settle()) : verdict);
        else {
          synchronous += 1;
          if (mode === 'metered') exchange.settle();
        }
      }
      // As between the turns of an event loop that serves sockets.
      if (waiting.length > 0) await Promise.all(waiting);
      else if (i % 1024 === 0) await new Promise(setImmediate);
    }
    const { user, system } = process.cpuUsage(before);
    const cpu = (user + system) / requests;
    if (cpu < best.cpu) Object.assign(best, { cpu, synchronous: synchronous / requests });
  }
  return best;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { redis: { type: 'string' } } });
  const open = (redisUrl: string | undefined): Promise<CounterStore> =>
    openCounters({
      clock: systemClock,
      redisUrl,
      prefix: `bench:${process.pid}:`,
      onStoreFailure: () => 'local',
      onState: () => undefined,
      onFlushed: () => undefined,
      // What is measured is what Redis costs, not what its absence does.
      silenceMs: 4_000,
    });
  const rows: Record<string, string | number>[] = [];
  for (const callers of [1, 1_000]) {
    const runs: [string, string | undefined, Mode, number][] = [
      ['counts in memory', undefined, 'auto', 400_000],
      ['counts in memory, metered', undefined, 'metered', 200_000],
    ];
    if (values.redis)
      runs.push(
        ['Redis, leased', values.redis, 'auto', 400_000],
        ['Redis, strict', values.redis, 'strict', 20_000],
        ['Redis, metered', values.redis, 'metered', 20_000],
      );
    for (const [name, url, mode, requests] of runs) {
      const counters = await open(url);
      const { cpu, synchronous } = await measure(counters, mode, callers, requests);
      rows.push({
        name,
        callers,
        'CPU µs': Number(cpu.toFixed(2)),
        synchronous: `${(synchronous * 100).toFixed(1)} %`,
      });
      await counters.close();
    }
  }
  console.table(rows);
}

await main();
