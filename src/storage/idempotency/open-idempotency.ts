import type { Clock } from '../../lib/clock.ts';
import type { Database } from '../database.ts';
import type { AnswerQuota, IdempotencyStore } from './idempotency-store.ts';

export interface IdempotencyOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** `REDIS_ANSWERS_URL`; `undefined`: the database keeps keys and answers. Never the Redis that counts. */
  readonly redisUrl: string | undefined;
  /** `settings.redis.prefix`. */
  readonly prefix: string;
  /** Redis came into use or went out of it, for a reason in one closed word. */
  readonly quota: AnswerQuota;
  readonly onState: (isUp: boolean, reason: string | undefined) => void;
}

/** Where this process keeps idempotency keys. An unreachable Redis is no error: it is used as soon as it answers. */
export async function openIdempotency(options: IdempotencyOptions): Promise<IdempotencyStore> {
  const { database, clock, redisUrl, prefix, onState, quota } = options;
  if (redisUrl === undefined) {
    const { DatabaseIdempotency } = await import('./database-idempotency.ts');
    return new DatabaseIdempotency(database, clock, quota);
  }
  const [{ connectRedis }, { RedisIdempotency }] = await Promise.all([
    import('../redis.ts'),
    import('./redis-idempotency.ts'),
  ]);
  const store = new RedisIdempotency({ connection: connectRedis(redisUrl, 'idempotency'), prefix, onState, quota });
  await store.start();
  return store;
}
