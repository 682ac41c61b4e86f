import type { Clock } from '../../lib/clock.ts';
import type { CounterStore } from './counter-store.ts';
import { DECIDE } from './decide-script.ts';
import { MemoryCounters } from './memory-counters.ts';
import { type OnStoreFailure, RedisCounters } from './redis-counters.ts';

export interface CounterOptions {
  readonly clock: Clock;
  /** `undefined`: counts stay in this process. */
  readonly redisUrl: string | undefined;
  /** `settings.redis.prefix`. */
  readonly prefix: string;
  /** `settings.on_store_failure` of the configuration in force. */
  readonly onStoreFailure: () => OnStoreFailure;
  /** Redis came into use or went out of it, for a reason in one closed word. Called once before `openCounters` resolves. */
  readonly onState: (isUp: boolean, reason: string | undefined) => void;
  /** Redis has lost what was counted: limits begin anew. */
  readonly onFlushed: () => void;
  /** Silence of Redis for this many milliseconds makes the limits local. Default 50. */
  readonly silenceMs?: number;
}

/**
 * The counts of a process. A Redis that does not answer is no error: the process starts with its limits kept locally, and
 * uses Redis as soon as it answers. Throws only for an address that has none of the known forms.
 */
export async function openCounters(options: CounterOptions): Promise<CounterStore> {
  const nowUs = createOwnTime(options.clock);
  return options.redisUrl === undefined
    ? new MemoryCounters({ nowUs })
    : openRedisCounters(options.redisUrl, options, nowUs);
}

async function openRedisCounters(url: string, options: CounterOptions, nowUs: () => number): Promise<CounterStore> {
  // Loading the client takes longer than all else at start, so only those who use it pay.
  const [{ connectRedis }, { RedisGuard }, { Fleet }] = await Promise.all([
    import('../../storage/redis.ts'),
    import('../../storage/redis-guard.ts'),
    import('../../storage/fleet.ts'),
  ]);
  const connection = connectRedis(url, 'limits');
  // A request's lines are decided in one script, and a cluster runs a script on one slot only.
  const prefix = connection.isCluster ? `{${options.prefix || 'turnpike'}}` : options.prefix;
  const fleet = new Fleet({
    prefix,
    onFlushed: () => {
      counters.forget();
      options.onFlushed();
    },
  });
  const guard = new RedisGuard({
    connection,
    scripts: [DECIDE],
    heartbeat: fleet.heartbeat,
    silenceMs: options.silenceMs,
    onState: (isUp, reason) => {
      if (isUp) counters.forget();
      else counters.forgetDenials();
      options.onState(isUp, reason);
    },
  });
  const counters = new RedisCounters({
    guard,
    fleet,
    prefix: `${prefix}limit:`,
    onStoreFailure: options.onStoreFailure,
    nowUs,
  });
  await guard.start();
  return counters;
}

/** Epoch microseconds that never go back and do not jump: read off the wall once, then counted by the steady clock. */
function createOwnTime(clock: Clock): () => number {
  const offset = clock.now() - clock.monotonic();
  return () => Math.round((offset + clock.monotonic()) * 1000);
}
