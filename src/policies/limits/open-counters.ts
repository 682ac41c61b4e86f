import type { Clock } from '../../lib/clock.ts';
import { ADJUST } from './adjust-script.ts';
import type { Charge, CounterStore, Decision } from './counter-store.ts';
import { DECIDE } from './decide-script.ts';
import { LeasedCounters } from './leased-counters.ts';
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
  const { isCluster } = connection;
  const fleet = new Fleet({
    // Its keys are used together, so in a cluster they share a slot.
    prefix: isCluster ? `${options.prefix}{fleet}` : options.prefix,
    onFlushed: () => {
      forget();
      options.onFlushed();
    },
  });
  const guard = new RedisGuard({
    connection,
    scripts: [DECIDE, ADJUST],
    heartbeat: fleet.heartbeat,
    silenceMs: options.silenceMs,
    onState: (isUp, reason) => {
      if (isUp) forget();
      else counters.forgetDenials();
      options.onState(isUp, reason);
    },
  });
  const counters = new RedisCounters({
    guard,
    fleet,
    prefix: `${options.prefix}limit:`,
    onStoreFailure: options.onStoreFailure,
    nowUs,
    groupOf: isCluster ? (key) => findTag(key) || key : undefined,
  });
  const decideAlone = (charges: readonly Charge[]): Decision => counters.decideAlone(charges);
  // Only what belongs to one caller shares a slot; a script sees nothing else.
  const groups = isCluster ? { isApart: (key: string) => findTag(key) === '', decideAlone } : undefined;
  const leased = new LeasedCounters({ store: counters, fleet, nowUs, groups });
  const forget = (): void => {
    counters.forget();
    leased.forget();
  };
  await guard.start();
  return leased;
}

/** The hash tag of a key, which says where in a cluster it is; empty where it has none. */
function findTag(key: string): string {
  const from = key.indexOf('{');
  return from === -1 ? '' : key.slice(from, key.indexOf('}', from));
}

/** Epoch microseconds that never go back and do not jump: read off the wall once, then counted by the steady clock. */
function createOwnTime(clock: Clock): () => number {
  const offset = clock.now() - clock.monotonic();
  return () => Math.round((offset + clock.monotonic()) * 1000);
}
