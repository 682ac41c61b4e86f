import { randomUUID } from 'node:crypto';
import type { RedisScript } from './redis.ts';
import type { Heartbeat } from './redis-guard.ts';

interface FleetOptions {
  /** Put before the keys; in a cluster it is a hash tag. */
  readonly prefix: string;
  /** Redis has lost its data: it was flushed, or restarted without it. */
  readonly onFlushed: () => void;
  readonly id?: string;
}

/** A member that was silent for this long has left. */
const SILENCE_MS = 3000;
const EPOCH_TTL_MS = 7 * 86_400_000;

const BEAT: RedisScript = {
  name: 'turnpikeBeat',
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3] * 2)
redis.call('SET', KEYS[2], ARGV[2], 'NX')
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return { redis.call('GET', KEYS[2]), redis.call('ZRANGE', KEYS[1], 0, -1) }`,
};

/**
 * Knows which processes used the same Redis at the last heartbeat. Their number decides how much each may admit alone
 * while Redis is away. A marker key shows whether Redis has lost its data since.
 */
export class Fleet {
  readonly heartbeat: Heartbeat;
  private readonly id: string;
  private readonly onFlushed: () => void;
  private members: readonly string[];
  private epoch: string | undefined;

  constructor({ prefix, onFlushed, id = randomUUID() }: FleetOptions) {
    this.id = id;
    this.onFlushed = onFlushed;
    this.members = [id];
    this.heartbeat = {
      script: BEAT,
      keys: [`${prefix}fleet:members`, `${prefix}fleet:epoch`],
      args: () => [id, randomUUID(), SILENCE_MS, EPOCH_TTL_MS],
      onReply: (reply) => this.learn(reply),
    };
  }

  /** Processes alive at the last heartbeat, this one included: at least 1. */
  get size(): number {
    return this.members.length;
  }

  /** The place of this process among them, from 0. All members that saw the same heartbeats agree on the order. */
  get rank(): number {
    return Math.max(0, this.members.indexOf(this.id));
  }

  private learn(reply: unknown): void {
    const [epoch, members] = reply as [string, string[]];
    this.members = members.includes(this.id) ? members.toSorted() : [this.id];
    if (this.epoch !== undefined && this.epoch !== epoch) this.onFlushed();
    this.epoch = epoch;
  }
}
