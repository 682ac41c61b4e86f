import type { Clock } from '../lib/clock.ts';
import { ADJUST } from './lua/adjust.lua.ts';
import type { Charge, CounterStore, Decision } from './counter-store.ts';
import { DECIDE } from './lua/decide.lua.ts';
import { LeasedCounters } from './leased-counters.ts';
import { type CounterLink, LinkedCounters } from './linked-counters.ts';
import { type BudgetBook, MemoryCounters } from './memory-counters.ts';
import { createOwnTime } from './own-time.ts';
import { type OnStoreFailure, RedisCounters } from './redis-counters.ts';

export interface CounterOptions {
  readonly clock: Clock;
  /** `undefined`: counts stay in this process. */
  readonly redisUrl: string | undefined;
  /** Opened when this process counts by itself: what budgets have counted then outlives it. */
  readonly openBook?: (() => Promise<BudgetBook>) | undefined;
  /** Without Redis: the way to the process that counts for several of one gateway. */
  readonly link?: CounterLink | undefined;
  /** `settings.redis.prefix`. */
  readonly prefix: string;
  /** Counts kept at most in this process. */
  readonly mostCounts?: number | undefined;
  /** `settings.on_store_failure` of the configuration in force. */
  readonly onStoreFailure: () => OnStoreFailure;
  /** Redis came into use or went out of it, for a reason in one closed word. Called once before `openCounters` resolves. */
  readonly onState: (isUp: boolean, reason: string | undefined) => void;
  /** Redis has lost its counts: limits start from zero. */
  readonly onFlushed: () => void;
  /** Silence of Redis for this many milliseconds makes the limits local. Default 50. */
  readonly silenceMs?: number;
}

/**
 * The counts of a process. A Redis that does not answer is no error: the process starts with its limits kept locally, and
 * uses Redis as soon as it answers. Throws only for an address in an unknown form.
 */
export async function openCounters(options: CounterOptions): Promise<CounterStore> {
  const nowUs = createOwnTime(options.clock);
  const { redisUrl, link } = options;
  if (redisUrl !== undefined) return openRedisCounters(redisUrl, options, nowUs);
  if (link === undefined)
    return new MemoryCounters({
      nowUs,
      mostKeys: options.mostCounts,
      book: await options.openBook?.(),
    });
  return new LeasedCounters({ store: new LinkedCounters({ link, nowUs }), fleet: link, nowUs });
}

async function openRedisCounters(url: string, options: CounterOptions, nowUs: () => number): Promise<CounterStore> {
  // Loading the client is the slowest part of a start, so it is loaded only if it is used.
  const [{ connectRedis }, { RedisGuard }, { Fleet }] = await Promise.all([
    import('../storage/redis.ts'),
    import('../storage/redis-guard.ts'),
    import('../storage/fleet.ts'),
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
