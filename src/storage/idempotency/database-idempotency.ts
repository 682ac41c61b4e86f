import { randomUUID } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/with-deadline.ts';
import type { Database } from '../database.ts';
import {
  type AnswerQuota,
  type Claim,
  type ClaimResult,
  type IdempotencyStore,
  ownerOf,
  type RecordedAnswer,
  sizeOf,
} from './idempotency-store.ts';

interface Row {
  readonly fingerprint: string;
  readonly lease: string | null;
  readonly expires_at: number;
  readonly status: number | null;
  readonly headers: string | null;
  readonly body: Uint8Array | null;
}

const TABLE = 'idempotency_keys';
/** Longer than for Redis: SQLite has one writer, and every write waits for the disk. */
const DEADLINE_MS = 1_000;
/** Calls under way at most: a queue without a bound would turn a slow database into a full memory. */
const MOST_CALLS = 1_000;
/** How often to claim again when a key is released or expires between claiming and reading. */
const MOST_TRIES = 3;
const SWEEP_INTERVAL_MS = 60_000;
/** Rows deleted at a time and batches per sweep: other writers wait behind a deletion. */
const SWEEP_ROWS = 500;
const MOST_BATCHES = 20;
/** After this many bytes of new answers, the size of all answers is checked. */
const BYTES_BETWEEN_CHECKS = 4 * 1024 * 1024;

/** Keys and answers in SQLite or PostgreSQL; expired rows are swept every minute. */
export class DatabaseIdempotency implements IdempotencyStore {
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly calls = new Set<Promise<unknown>>();
  private readonly sweeping: NodeJS.Timeout;
  private readonly quota: AnswerQuota;
  private uncheckedBytes = 0;
  private isChecking = false;

  constructor(database: Database, clock: Clock, quota: AnswerQuota) {
    this.quota = quota;
    this.database = database;
    this.clock = clock;
    this.sweeping = setInterval(() => void this.sweep().catch(() => undefined), SWEEP_INTERVAL_MS);
    this.sweeping.unref();
  }

  async claim(key: string, fingerprint: string, leaseMs: number): Promise<ClaimResult> {
    const claim = { key, lease: randomUUID() };
    const asked = this.ask(claim, fingerprint, leaseMs);
    try {
      return await this.call(asked);
    } catch (error) {
      // A write that missed our deadline may still succeed, and would block the key until the lease ends.
      asked.then(() => this.release(claim)).catch(() => undefined);
      throw error;
    }
  }

  async renew({ key, lease }: Claim, leaseMs: number): Promise<void> {
    const { knex } = this.database;
    await this.call(
      knex(TABLE)
        .where({ key, lease })
        .update({ expires_at: this.clock.now() + leaseMs }),
    );
  }

  async complete({ key, lease }: Claim, answer: RecordedAnswer | undefined, ttlMs: number): Promise<void> {
    const { knex } = this.database;
    const kept = answer
      ? { status: answer.status, headers: JSON.stringify(answer.headers), body: answer.body }
      : { status: null, headers: null, body: null };
    const expiresAt = this.clock.now() + ttlMs;
    await this.call(
      knex(TABLE)
        .where({ key, lease })
        .update({ lease: null, expires_at: expiresAt, ...kept }),
    );
    if (answer) this.noteKept(sizeOf(answer));
  }

  async release({ key, lease }: Claim): Promise<void> {
    await this.call(this.database.knex(TABLE).where({ key, lease }).del());
  }

  /** Deletes expired rows, up to 10,000 of them. */
  async sweep(): Promise<void> {
    const { knex } = this.database;
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const expired = knex(TABLE).where('expires_at', '<=', this.clock.now()).limit(SWEEP_ROWS).select('key');
      if ((await knex(TABLE).whereIn('key', expired).del()) < SWEEP_ROWS) return;
    }
  }

  /** Deletes the oldest answers of owners over their quota, then the oldest of all until the total fits. */
  async holdToQuota(): Promise<void> {
    const rows = await this.keptAnswers();
    const held = new Map<string, number>();
    let inAll = 0;
    for (const { key, bytes } of rows) {
      held.set(ownerOf(key), (held.get(ownerOf(key)) ?? 0) + bytes);
      inAll += bytes;
    }
    const gone = rows.filter(({ key, bytes }) => {
      const ofOwner = held.get(ownerOf(key)) ?? 0;
      if (ofOwner <= this.quota.perOwner) return false;
      held.set(ownerOf(key), ofOwner - bytes);
      inAll -= bytes;
      return true;
    });
    const isGone = new Set(gone);
    for (const row of rows) {
      if (inAll <= this.quota.inAll) break;
      if (isGone.has(row)) continue;
      inAll -= row.bytes;
      gone.push(row);
    }
    const keys = gone.map(({ key }) => key);
    const { knex } = this.database;
    for (let i = 0; i < keys.length; i += SWEEP_ROWS)
      await knex(TABLE)
        .whereIn('key', keys.slice(i, i + SWEEP_ROWS))
        .del();
  }

  async close(): Promise<void> {
    clearInterval(this.sweeping);
    await Promise.allSettled(this.calls);
  }

  /** Key and size of every answer, the oldest first. */
  private async keptAnswers(): Promise<readonly { readonly key: string; readonly bytes: number }[]> {
    const { knex } = this.database;
    const rows: { key: string; bytes: number | string }[] = await this.database
      .reader(TABLE)
      .whereNull('lease')
      .whereNotNull('body')
      .orderBy('expires_at')
      .select('key', knex.raw('length(body) + length(headers) + 256 as bytes'));
    return rows.map(({ key, bytes }) => ({ key, bytes: Number(bytes) }));
  }

  private noteKept(bytes: number): void {
    this.uncheckedBytes += bytes;
    if (this.isChecking || this.uncheckedBytes < Math.min(BYTES_BETWEEN_CHECKS, this.quota.perOwner / 4)) return;
    this.isChecking = true;
    this.uncheckedBytes = 0;
    const checking = this.holdToQuota()
      .catch(() => undefined)
      .finally(() => {
        this.isChecking = false;
        this.calls.delete(checking);
      });
    this.calls.add(checking);
  }

  private async ask(claim: Claim, fingerprint: string, leaseMs: number): Promise<ClaimResult> {
    if (this.calls.size >= MOST_CALLS) throw new Error('too many idempotency keys are being looked up');
    for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
      if (await this.insert(claim, fingerprint, leaseMs)) return { kind: 'claimed', claim };
      const row = await this.read(claim.key);
      if (row) return standingOf(row, fingerprint);
    }
    return { kind: 'running' };
  }

  /** One statement, so that of two callers one fails: a row is taken over only when it has expired. */
  private async insert({ key, lease }: Claim, fingerprint: string, leaseMs: number): Promise<boolean> {
    const now = this.clock.now();
    const row = { key, fingerprint, lease, expires_at: now + leaseMs, status: null, headers: null, body: null };
    const written: unknown[] = await this.database
      .knex(TABLE)
      .insert(row)
      .onConflict('key')
      .merge()
      .where(`${TABLE}.expires_at`, '<=', now)
      .returning('key');
    return written.length === 1;
  }

  private async read(key: string): Promise<Row | undefined> {
    const row: Row | undefined = await this.database.reader(TABLE).where({ key }).first();
    return row && row.expires_at > this.clock.now() ? row : undefined;
  }

  private async call<T>(asked: PromiseLike<T>): Promise<T> {
    const call = withDeadline(Promise.resolve(asked), DEADLINE_MS);
    this.calls.add(call);
    try {
      return await call;
    } finally {
      this.calls.delete(call);
    }
  }
}

function standingOf(row: Row, fingerprint: string): ClaimResult {
  if (row.fingerprint !== fingerprint) return { kind: 'mismatch' };
  if (row.lease !== null) return { kind: 'running' };
  const { status, headers, body } = row;
  if (status === null || headers === null || body === null) return { kind: 'unkept' };
  return { kind: 'recorded', answer: { status, headers: JSON.parse(headers) as string[], body: Buffer.from(body) } };
}
