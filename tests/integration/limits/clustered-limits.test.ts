// Limits on Redis that is more than one server: a cluster of three, and a primary that Sentinel replaces.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Level, type Line, lineAt } from '../../../src/counters/line.ts';
import { Receipt } from '../../../src/policies/limits/receipt.ts';
import { RouteLimits } from '../../../src/policies/limits/route-limits.ts';
import { UNBOUNDED } from '../../../src/exchange/principal.ts';
import type { Charge } from '../../../src/counters/counter-store.ts';
import { type LimitInput, makeBudgets, makeLimit } from '../../support/limit-lines.ts';
import { type ObservedStore, openObserved } from '../../support/limit-store.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { until } from '../../support/poll.ts';
import { callRedis, type RedisCluster, startRedisCluster } from '../../support/redis-cluster.ts';
import { canStartRedis, redisHint } from '../../support/redis.ts';
import { startWatchedRedis, type WatchedRedis } from '../../support/redis-sentinel.ts';

const describeCluster = canStartRedis({ own: true }) ? describe : describe.skip;
if (!canStartRedis({ own: true })) process.stderr.write(`SKIPPED "limits on a Redis Cluster": ${redisHint}\n`);

/** The charges of a consumer against limits of a service and, shared by all, of the gateway. */
function chargesOf(consumer: string, own: LimitInput[], shared: LimitInput[]): Charge[] {
  const levels: Level[] = [
    { level: 'service', id: 'orders', rate_limit: { limits: own.map(makeLimit) } },
    {
      level: 'settings',
      id: '',
      rate_limit: { limits: shared.map((limit) => makeLimit({ per: ['global'], ...limit })) },
    },
  ];
  const principal = {
    consumer: { id: consumer, name: consumer, tier: undefined },
    credential: { kind: 'api_key' as const, id: 'k', prefix: 'sk', hashPrefix: '0' },
    ...UNBOUNDED,
    lob: undefined,
    claims: {},
    expiresAt: undefined,
    limits: [],
  };
  return new RouteLimits(levels, { route: 'orders', service: 'orders' }).chargesFor({ principal, clientIp: '1.1.1.1' });
}

describeCluster('limits on a Redis Cluster, counted by three processes', () => {
  let cluster: RedisCluster;
  let stores: ObservedStore[] = [];
  let prefixes = 0;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 30_000);
  afterAll(() => cluster?.stop(), 30_000);
  afterEach(async () => {
    for (const { store } of stores.splice(0)) await store.close();
  });

  async function openFleet(): Promise<void> {
    const prefix = `cluster:${(prefixes += 1)}:`;
    stores = await Promise.all([1, 2, 3].map(() => openObserved(cluster.url, prefix, { silenceMs: 2_500 })));
    for (const { states } of stores) expect(states).toEqual(['up']);
  }

  async function countAdmitted(requests: number, chargesAt: (i: number) => Charge[]): Promise<number> {
    let asked = 0;
    let admitted = 0;
    const ask = async (): Promise<void> => {
      while (asked < requests) {
        const i = (asked += 1);
        const decision = await stores[i % 3]?.store.decide(chargesAt(i));
        if (decision?.outcome === 'admitted') admitted += 1;
      }
    };
    await Promise.all(Array.from({ length: 100 }, ask));
    return admitted;
  }

  test('spend budgets of a caller and of all callers to the end, and correct both by what was used', async () => {
    await openFleet();
    const now = Date.now();
    const [own, shared] = makeBudgets(
      { tokens: 3_000, every: 'month' },
      { tokens: 5_000, every: 'month', per: ['global'] },
    );
    const lines = [own as Line, shared as Line].map((line) => lineAt(line, now));
    const chargesOfCaller = (caller: string): Charge[] =>
      lines.map((line, i) => ({
        line,
        key: i === 0 ? `${line.key}{c=${caller}}` : line.key,
        cost: 100,
        isReserved: true,
      }));
    const receipts: Receipt[] = [];
    for (let i = 0; i < 80; i += 1) {
      const { store } = stores[i % 3] as ObservedStore;
      const caller = i % 2 === 0 ? 'ada' : 'bo';
      const charges = chargesOfCaller(caller);
      const decision = await store.decide(charges);
      if (decision.outcome === 'admitted')
        receipts.push(new Receipt(charges, decision, { counters: store, nowUs: () => 0, onClosed: () => undefined }));
    }
    expect(receipts.length).toBeLessThanOrEqual(50);
    // What one process holds at the end is not there for the others.
    expect(receipts.length).toBeGreaterThan(40);
    const used = receipts.length * 40;
    for (const receipt of receipts) receipt.settle({ tokens: 40, costNanoUsd: 0 });
    const [first] = stores as [ObservedStore];
    const left = () => first.store.read([...chargesOfCaller('ada'), ...chargesOfCaller('bo')]);
    await until(async () => {
      const [ada = 0, both = 0, bo = 0] = await left();
      return ada + bo === 6_000 - used && both === 5_000 - used;
    });
  });

  test('hold a limit that all callers share, and each caller to its own', async () => {
    await openFleet();
    const callers = Array.from({ length: 20 }, (_, i) =>
      chargesOf(`caller-${i}`, [{ limit: 1_000, window: 600_000 }], [{ limit: 700, window: 600_000 }]),
    );
    let admitted = await countAdmitted(3_000, (i) => callers[i % 20] as Charge[]);
    expect(admitted).toBeLessThanOrEqual(700);
    // What the processes held when they were last asked comes back within a second.
    const askMore = () => countAdmitted(300, (i) => callers[i % 20] as Charge[]);
    await until(async () => (admitted += await askMore()) >= 700, { everyMs: 100 });
    expect(admitted + (await askMore())).toBe(700);
    const limited = Array.from({ length: 3 }, (_, i) =>
      chargesOf(
        `limited-${i}`,
        [
          { limit: 50, window: 600_000 },
          { limit: 40, window: 3_600_000, mode: 'strict' },
        ],
        [],
      ),
    );
    expect(await countAdmitted(600, (i) => limited[i % 3] as Charge[])).toBe(3 * 40);
  });

  test('put units of a shared limit back when the caller is refused by its own', async () => {
    await openFleet();
    const greedy = chargesOf('greedy', [{ limit: 5, window: 600_000 }], [{ limit: 100, window: 60_000 }]);
    const modest = chargesOf('modest', [{ limit: 1_000, window: 600_000 }], [{ limit: 100, window: 60_000 }]);
    expect(await countAdmitted(200, () => greedy)).toBe(5);
    let admitted = 0;
    const deadline = performance.now() + 5_000;
    // What the processes still hold comes back within a second.
    while (admitted < 95 && performance.now() < deadline) admitted += await countAdmitted(50, () => modest);
    expect(admitted).toBe(95);
  });

  test('spread their keys over the servers', async () => {
    await openFleet();
    const callers = Array.from({ length: 60 }, (_, i) => chargesOf(`c-${i}`, [{ limit: 9, window: 600_000 }], []));
    expect(await countAdmitted(60, (i) => callers[i % 60] as Charge[])).toBe(60);
    const sizes = await Promise.all(cluster.nodes.map(async ({ port }) => callRedis(port, 'DBSIZE')));
    for (const size of sizes) expect(Number(size.slice(1))).toBeGreaterThan(5);
  });

  test('go on without a wait when one of the servers is gone, and come back with it', async () => {
    const observed = await openObserved(cluster.url, `cluster:${(prefixes += 1)}:`);
    stores = [observed];
    const callers = Array.from({ length: 30 }, (_, i) =>
      chargesOf(`c-${i}`, [{ limit: 100_000, window: 600_000 }], [{ limit: 100_000, window: 600_000 }]),
    );
    let worst = 0;
    const ask = async (rounds: number): Promise<void> => {
      for (let i = 0; i < rounds; i += 1) {
        const startedAt = performance.now();
        expect((await observed.store.decide(callers[i % 30] as Charge[])).outcome).toBe('admitted');
        worst = Math.max(worst, performance.now() - startedAt);
        await nextTurn();
      }
    };
    await ask(300);
    await cluster.nodes[1]?.kill();
    await ask(3_000);
    await until(() => observed.store.degraded);
    const changes = observed.states.length;
    await ask(1_000);
    expect(worst).toBeLessThan(100);
    await cluster.nodes[1]?.restart();
    await until(() => observed.store.degraded === undefined, { timeoutMs: 10_000 });
    expect(changes).toBeLessThanOrEqual(4);
  }, 30_000);
});

describeCluster('limits on a Redis that Sentinel watches', () => {
  let watched: WatchedRedis;
  let observed: ObservedStore | undefined;

  beforeAll(async () => {
    watched = await startWatchedRedis();
  }, 30_000);
  afterAll(async () => {
    await observed?.store.close();
    await watched?.stop();
  }, 30_000);

  test('go on with their counts on the server that takes over from the primary, and never fail meanwhile', async () => {
    const { store, states } = (observed = await openObserved(watched.url, 'watched:'));
    const [charge] = chargesOf('ada', [{ limit: 10_000, window: 3_600_000 }], []) as [Charge];
    for (let i = 0; i < 500; i += 1) expect((await store.decide([charge])).outcome).toBe('admitted');
    await until(async () => (await callRedis(watched.replica.port, 'DBSIZE')) !== ':0\r\n');
    await watched.primary.kill();
    let worst = 0;
    const decideOne = async (): Promise<boolean> => {
      const startedAt = performance.now();
      expect((await store.decide([charge])).outcome).toBe('admitted');
      worst = Math.max(worst, performance.now() - startedAt);
      return states.at(-1) === 'up' && states.length > 1;
    };
    await until(decideOne, { timeoutMs: 15_000, everyMs: 5 });
    expect(worst).toBeLessThan(100);
    // Counted on the old primary, and known to the new one.
    const { verdicts } = await store.decide([charge]);
    expect(verdicts[0]?.remaining).toBeLessThanOrEqual(10_000 - 450);
  }, 30_000);
});
