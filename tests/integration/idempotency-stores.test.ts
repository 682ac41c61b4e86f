import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/lib/clock.ts';
import type { Database } from '../../src/storage/database.ts';
import { DatabaseIdempotency } from '../../src/storage/idempotency/database-idempotency.ts';
import type { AnswerQuota, IdempotencyStore } from '../../src/storage/idempotency/idempotency-store.ts';
import { RedisIdempotency } from '../../src/storage/idempotency/redis-idempotency.ts';
import { connectRedis } from '../../src/storage/redis.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';
import { describeAnswerQuota, describeIdempotencyContract } from '../support/idempotency-contract.ts';
import { makeManualClock } from '../support/manual-clock.ts';
import { until } from '../support/poll.ts';
import { describeWithRedis } from '../support/server-suite.ts';

const AMPLE: AnswerQuota = { perOwner: 2 ** 40, inAll: 2 ** 40 };

const opened: IdempotencyStore[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

function track<Store extends IdempotencyStore>(store: Store): Store {
  opened.push(store);
  return store;
}

describeOnBothDatabases('idempotency keys in a database', ({ openMigrated }) => {
  let database: Database;

  beforeEach(async () => {
    database = await openMigrated();
  });

  describeIdempotencyContract(async () => track(new DatabaseIdempotency(database, systemClock, AMPLE)));

  describeAnswerQuota(async (quota) => {
    const store = track(new DatabaseIdempotency(database, systemClock, quota));
    return { store, settle: () => store.holdToQuota() };
  });

  test('sweeping deletes what has expired, answers and abandoned claims, and nothing else', async () => {
    const clock = makeManualClock();
    const store = track(new DatabaseIdempotency(database, clock, AMPLE));
    const rows = Array.from({ length: 700 }, (_, i) => ({
      key: `old ${i}`,
      fingerprint: 'a',
      expires_at: clock.now(),
    }));
    await database.knex.batchInsert('idempotency_keys', rows, 100);
    await store.claim('running', 'a', 1_000);
    await store.sweep();
    expect(await database.reader('idempotency_keys').pluck('key')).toEqual(['running']);
    clock.advance(1_000);
    await store.sweep();
    expect(await database.reader('idempotency_keys').pluck('key')).toEqual([]);
  });
});

describeWithRedis(
  'idempotency keys in Redis',
  (redis) => {
    const states: string[] = [];
    const prefix = `idempotent:${process.pid}:`;
    const open = async (quota: AnswerQuota = AMPLE) => {
      const onState = (isUp: boolean, reason: string | undefined) => states.push(isUp ? 'up' : `down ${reason}`);
      const connection = connectRedis(redis().url, 'test');
      const store = track(new RedisIdempotency({ connection, prefix: `${prefix}${quota.inAll}:`, onState, quota }));
      await store.start();
      return store;
    };

    describeIdempotencyContract(() => open());
    describeAnswerQuota(async (quota) => ({ store: await open(quota), settle: async () => undefined }));

    describe('while Redis is stopped', () => {
      test('nobody is kept waiting, and what was asked then blocks no key afterwards', async () => {
        const [store, key] = [await open(), randomUUID()];
        states.length = 0;
        redis().pause();
        try {
          await expect(store.claim(key, 'a', 60_000)).rejects.toThrow('in time');
          await expect(store.claim(randomUUID(), 'a', 60_000)).rejects.toThrow('away');
        } finally {
          redis().resume();
        }
        expect(states).toEqual(['down timeout']);
        await until(() => states.at(-1) === 'up');
        expect((await store.claim(key, 'b', 60_000)).kind).toBe('claimed');
      });
    });
  },
  { own: true },
);
