import { randomUUID } from 'node:crypto';
import type { RedisConnection, RedisScript } from '../redis.ts';
import { RedisGuard } from '../redis-guard.ts';
import {
  type AnswerQuota,
  type Claim,
  type ClaimResult,
  type IdempotencyStore,
  ownerOf,
  type RecordedAnswer,
  sizeOf,
} from './idempotency-store.ts';

/**
 * A key is one hash: `f` fingerprint, `l` lease while the request runs, then `s` status, `h` headers (JSON) and `b` body,
 * or none of these three when the answer was not kept. Expiry is Redis' own, so all processes agree on the time. A claim
 * finds itself where a cluster's client had to send it twice.
 */
const CLAIM: RedisScript = {
  name: 'turnpikeClaim',
  answersBytes: true,
  lua: `
local found = redis.call('HMGET', KEYS[1], 'f', 'l', 's', 'h')
if not found[1] then
  redis.call('HSET', KEYS[1], 'f', ARGV[1], 'l', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return { 'claimed' }
end
if found[1] ~= ARGV[1] then return { 'mismatch' } end
if found[2] == ARGV[2] then return { 'claimed' } end
if found[2] then return { 'running' } end
if not found[3] then return { 'unkept' } end
return { 'recorded', found[3], found[4], redis.call('HGET', KEYS[1], 'b') }`,
};

/** ARGV: lease, milliseconds from now. */
const RENEW: RedisScript = {
  name: 'turnpikeRenewClaim',
  lua: `
if redis.call('HGET', KEYS[1], 'l') == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end`,
};

/**
 * ARGV: lease, milliseconds from now, then of an answer that is kept: prefix, owner, digest, size, the two quotas, status,
 * headers and body. Kept answers are in one list for all and one per owner, sorted by expiry; all lists are in
 * one slot of a cluster.
 */
const COMPLETE: RedisScript = {
  name: 'turnpikeCompleteClaim',
  lua: `
if redis.call('HGET', KEYS[1], 'l') ~= ARGV[1] then return end
redis.call('HDEL', KEYS[1], 'l')
if not ARGV[3] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
local prefix, owner, size = ARGV[3], ARGV[4], tonumber(ARGV[6])
local all, sizes, own = prefix .. 'all', prefix .. 'sizes', prefix .. 'of:' .. owner
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function forget(member, isOver)
  local who, bytes, digest = string.match(member, '^(%S*) (%d+) (.*)$')
  redis.call('ZREM', all, member)
  redis.call('ZREM', prefix .. 'of:' .. who, member)
  redis.call('HINCRBY', sizes, '*', -bytes)
  if redis.call('HINCRBY', sizes, who, -bytes) <= 0 then redis.call('HDEL', sizes, who) end
  if isOver then redis.call('DEL', prefix .. digest) end
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', all, '-inf', now, 'LIMIT', 0, 100)) do forget(member, false) end
redis.call('HSET', KEYS[1], 's', ARGV[9], 'h', ARGV[10], 'b', ARGV[11])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local kept = owner .. ' ' .. size .. ' ' .. ARGV[5]
redis.call('ZADD', all, now + ARGV[2], kept)
redis.call('ZADD', own, now + ARGV[2], kept)
redis.call('HINCRBY', sizes, '*', size)
local held = redis.call('HINCRBY', sizes, owner, size)
while held > tonumber(ARGV[7]) do
  local oldest = redis.call('ZRANGE', own, 0, 0)[1]
  if not oldest then break end
  forget(oldest, true)
  held = tonumber(redis.call('HGET', sizes, owner) or 0)
end
while tonumber(redis.call('HGET', sizes, '*')) > tonumber(ARGV[8]) do
  local oldest = redis.call('ZRANGE', all, 0, 0)[1]
  if not oldest then break end
  forget(oldest, true)
end`,
};

const RELEASE: RedisScript = {
  name: 'turnpikeReleaseClaim',
  lua: `
if redis.call('HGET', KEYS[1], 'l') == ARGV[1] then redis.call('DEL', KEYS[1]) end`,
};

const BEAT: RedisScript = { name: 'turnpikeClaimsBeat', lua: "return redis.call('EXISTS', KEYS[1])" };

/** How long a request with a key waits for a silent Redis; a large answer needs time on the wire. */
const SILENCE_MS = 100;

interface RedisIdempotencyOptions {
  /** A separate connection, because large answers must not delay the counters. */
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly onState: (isUp: boolean, reason: string | undefined) => void;
  readonly quota: AnswerQuota;
}

/** Keys and answers in Redis, which is left alone while it is known to be away. */
export class RedisIdempotency implements IdempotencyStore {
  private readonly guard: RedisGuard;
  private readonly prefix: string;
  private readonly quota: AnswerQuota;
  private readonly writes = new Set<Promise<unknown>>();

  constructor({ connection, prefix, onState, quota }: RedisIdempotencyOptions) {
    this.prefix = `${prefix}{answers}:`;
    this.quota = quota;
    this.guard = new RedisGuard({
      connection,
      scripts: [CLAIM, RENEW, COMPLETE, RELEASE],
      heartbeat: { script: BEAT, keys: [`${this.prefix}beat`], args: () => [], onReply: () => undefined },
      onState,
      silenceMs: SILENCE_MS,
    });
  }

  /** Resolves when Redis has answered for the first time, or is known not to, within a second. */
  start(): Promise<void> {
    return this.guard.start();
  }

  async claim(key: string, fingerprint: string, leaseMs: number): Promise<ClaimResult> {
    const claim = { key, lease: randomUUID() };
    try {
      const reply = await this.run(CLAIM, key, [fingerprint, claim.lease, leaseMs]);
      return readReply(reply as Buffer[], claim);
    } catch (error) {
      // A script may still run although its answer never came. On the same connection, the release runs after it.
      this.guard.run(RELEASE, [this.prefix + key], [claim.lease]).catch(() => undefined);
      throw error;
    }
  }

  async renew({ key, lease }: Claim, leaseMs: number): Promise<void> {
    await this.run(RENEW, key, [lease, leaseMs]);
  }

  async complete({ key, lease }: Claim, answer: RecordedAnswer | undefined, ttlMs: number): Promise<void> {
    const { prefix, quota } = this;
    const kept = answer
      ? [
          ...[prefix, ownerOf(key), key, sizeOf(answer), quota.perOwner, quota.inAll],
          ...[answer.status, JSON.stringify(answer.headers), answer.body],
        ]
      : [];
    await this.run(COMPLETE, key, [lease, ttlMs, ...kept]);
  }

  async release({ key, lease }: Claim): Promise<void> {
    await this.run(RELEASE, key, [lease]);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.writes);
    this.guard.close();
  }

  private async run(script: RedisScript, key: string, args: readonly (string | number | Buffer)[]): Promise<unknown> {
    if (!this.guard.isUp) throw new Error('Redis is away');
    const call = this.guard.run(script, [this.prefix + key], args);
    this.writes.add(call);
    try {
      return await call;
    } finally {
      this.writes.delete(call);
    }
  }
}

function readReply([kind, status, headers, body]: readonly Buffer[], claim: Claim): ClaimResult {
  const found = String(kind) as ClaimResult['kind'];
  if (found === 'claimed') return { kind: found, claim };
  if (found !== 'recorded') return { kind: found };
  const answer = {
    status: Number(String(status)),
    headers: JSON.parse(String(headers)) as string[],
    body: body as Buffer,
  };
  return { kind: found, answer };
}
