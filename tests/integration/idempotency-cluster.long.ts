import { afterAll, beforeAll, describe } from '@jest/globals';
import { RedisIdempotency } from '../../src/storage/idempotency/redis-idempotency.ts';
import { connectRedis } from '../../src/storage/redis.ts';
import { describeIdempotencyContract } from '../support/idempotency-contract.ts';
import { canStartRedis } from '../support/redis.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';

const describeHere = canStartRedis({ own: true }) ? describe : describe.skip;

describeHere('idempotency keys in a Redis Cluster', () => {
  const opened: RedisIdempotency[] = [];
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 60_000);
  afterAll(async () => {
    for (const store of opened) await store.close();
    await cluster.stop();
  });

  describeIdempotencyContract(async () => {
    const connection = connectRedis(cluster.url, 'test');
    const store = new RedisIdempotency({
      connection,
      prefix: 'turnpike:',
      onState: () => undefined,
      quota: { perOwner: 2 ** 40, inAll: 2 ** 40 },
    });
    opened.push(store);
    await store.start();
    return store;
  });
});
