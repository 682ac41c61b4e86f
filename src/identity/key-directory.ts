import type { Knex } from 'knex';
import { createBoundedCache } from '../lib/bounded-cache.ts';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/with-deadline.ts';
import { hashApiKey, isMistypedKey } from './api-key-format.ts';
import type { FailedAuth } from './failed-auth.ts';
import type { IdentityChange } from './identity-changes.ts';
import {
  type FileConsumer,
  fromFile,
  fromMemory,
  fromRow,
  type KeyLookup,
  type KnownKey,
  type MemoryKey,
  VERIFYING_COLUMNS,
  type VerifyingRow,
} from './known-key.ts';
import type { LastUse } from './last-use.ts';
import { DISABLED, EXPIRED, REVOKED, THROTTLED, UNAVAILABLE, UNKNOWN } from './ready-lookups.ts';

interface KeyDirectoryOptions {
  readonly reader: Knex;
  readonly clock: Clock;
  readonly failedAuth: FailedAuth;
  readonly lastUse: LastUse;
  /** Keys that exist in memory only. */
  readonly memoryKeys?: readonly MemoryKey[];
  /** Called when a lookup failed because the store did; for the log. */
  readonly onFailure?: (error: unknown) => void;
}

/** One read of the store, shared by all requests with the same key. */
interface Flight {
  promise: Promise<KeyLookup>;
  /** Set when the key changed after the reading began: its result must not be kept. */
  isOutdated: boolean;
}

const MOST_KNOWN = 100_000;
const MOST_REFUSALS = 20_000;
const REFUSAL_TTL_MS = 10_000;
const REFETCH_AFTER_MS = 5 * 60_000;
const SERVED_FOR_MS = 15 * 60_000;
const LOOKUP_DEADLINE_MS = 2000;
const MOST_FLIGHTS = 1000;
/** After a failure the store is left alone this long; the feed's next good read ends the pause. */
const PAUSE_MS = 1500;
const FEED_STALE_MS = 60_000;
/** Longer than any key, short enough to hash for nothing. */
const LONGEST_KEY = 1024;

/**
 * Finds the owner of a presented key, in the file, in memory and in the database, always by SHA-256: the key itself
 * is never kept. What is known answers synchronously and without a new object. Known keys are read again after 5 min
 * and served up to 15 min while the store is down; a key not known while it is down is `unavailable`, never refused.
 */
export class KeyDirectory {
  private readonly options: KeyDirectoryOptions;
  private readonly clock: Clock;
  private readonly lastUse: LastUse;
  private readonly memory: ReadonlyMap<string, KnownKey>;
  private fixed: ReadonlyMap<string, KnownKey | 'disabled'>;
  private readonly known = createBoundedCache<string, KnownKey>(MOST_KNOWN);
  private readonly refusals = createBoundedCache<string, KeyLookup>(MOST_REFUSALS, REFUSAL_TTL_MS);
  private readonly flights = new Map<string, Flight>();
  private pausedUntil = 0;
  private feedReadAt: number;

  constructor(options: KeyDirectoryOptions) {
    this.options = options;
    this.clock = options.clock;
    this.feedReadAt = options.clock.monotonic();
    this.lastUse = options.lastUse;
    this.memory = new Map((options.memoryKeys ?? []).map(fromMemory));
    this.fixed = this.memory;
  }

  /** Replaces the keys of the configuration file. */
  setFileConsumers(consumers: readonly FileConsumer[]): void {
    this.fixed = new Map([...fromFile(consumers), ...this.memory]);
  }

  /** `from` is the client's address: one that has failed too often may look up only four unknown keys at a time. */
  find(presented: string, from: string): KeyLookup | Promise<KeyLookup> {
    if (presented.length > LONGEST_KEY) return UNKNOWN;
    const hash = hashApiKey(presented);
    const fixed = this.fixed.get(hash);
    if (fixed) return fixed === 'disabled' ? DISABLED : this.answer(fixed);
    const known = this.known.get(hash);
    if (known && this.isServable(hash, known)) return this.use(known);
    const refusal = this.refusals.get(hash);
    if (refusal) return refusal;
    if (isMistypedKey(presented)) return UNKNOWN;
    return this.lookUp(hash, from);
  }

  /** Forgets what changed; for the feed. */
  forget(changes: readonly IdentityChange[] | 'everything'): void {
    if (changes === 'everything') {
      this.known.clear();
      this.refusals.clear();
      this.outdateFlights();
      return;
    }
    for (const change of changes) {
      if (change.kind === 'key') this.forgetKey(change.subject);
      else if (change.kind === 'consumer') this.forgetConsumer(change.subject);
    }
  }

  /** Whether the feed could be read: ends or begins the pause in which unknown keys are not looked up. */
  noteFeed(isUp: boolean): void {
    if (!isUp) {
      this.pause();
      return;
    }
    this.pausedUntil = 0;
    this.feedReadAt = this.clock.monotonic();
  }

  /** True when revocations have not been readable for 60 s. */
  isFeedStale(): boolean {
    return this.clock.monotonic() - this.feedReadAt > FEED_STALE_MS;
  }

  /** Keys that are cached now. */
  get size(): number {
    return this.known.size;
  }

  private isServable(hash: string, known: KnownKey): boolean {
    const now = this.clock.monotonic();
    const age = now - known.fetchedAt;
    if (age < REFETCH_AFTER_MS) return true;
    if (age >= SERVED_FOR_MS) {
      this.known.delete(hash);
      return false;
    }
    if (now >= known.retryAt && !this.isPaused()) {
      known.retryAt = now + PAUSE_MS;
      void this.fetch(hash);
    }
    return true;
  }

  private use(known: KnownKey): KeyLookup {
    if (known.usedInRound !== this.lastUse.round) {
      known.usedInRound = this.lastUse.round;
      this.lastUse.add(known.answer.principal.credential.id);
    }
    return this.answer(known);
  }

  private answer(known: KnownKey): KeyLookup {
    return this.clock.now() < known.expiresAt ? known.answer : EXPIRED;
  }

  private lookUp(hash: string, from: string): KeyLookup | Promise<KeyLookup> {
    const flight = this.flights.get(hash);
    if (flight) return flight.promise;
    if (this.isPaused() || this.flights.size >= MOST_FLIGHTS) return UNAVAILABLE;
    const { failedAuth } = this.options;
    if (!failedAuth.isOver(from)) return this.fetch(hash);
    return failedAuth.runThrottled(from, () => this.fetch(hash)).then((result) => result ?? THROTTLED);
  }

  /** Never rejects. */
  private fetch(hash: string): Promise<KeyLookup> {
    const running = this.flights.get(hash);
    if (running) return running.promise;
    const flight: Flight = { promise: Promise.resolve(UNAVAILABLE), isOutdated: false };
    this.flights.set(hash, flight);
    flight.promise = this.load(hash, flight)
      .catch((error: unknown) => {
        this.pause();
        this.options.onFailure?.(error);
        return UNAVAILABLE;
      })
      .finally(() => this.flights.delete(hash));
    return flight.promise;
  }

  private async load(hash: string, flight: Flight): Promise<KeyLookup> {
    const row = await withDeadline(this.read(hash), LOOKUP_DEADLINE_MS);
    const refusal = refuse(row);
    if (refusal || !row) {
      if (!flight.isOutdated) this.refusals.set(hash, refusal ?? UNKNOWN);
      this.known.delete(hash);
      return refusal ?? UNKNOWN;
    }
    const known = fromRow(row, this.clock.monotonic());
    if (!flight.isOutdated) this.known.set(hash, known);
    return this.use(known);
  }

  private async read(hash: string): Promise<VerifyingRow | undefined> {
    return this.options
      .reader('api_keys')
      .join('consumers', 'consumers.id', 'api_keys.consumer_id')
      .select(VERIFYING_COLUMNS)
      .where('api_keys.hash', hash)
      .first();
  }

  private forgetKey(hash: string): void {
    this.known.delete(hash);
    this.refusals.delete(hash);
    const flight = this.flights.get(hash);
    if (flight) flight.isOutdated = true;
  }

  private forgetConsumer(id: string): void {
    for (const [hash, known] of this.known.entries()) {
      if (known.answer.principal.consumer.id === id) this.known.delete(hash);
    }
    // Refusals do not name the owner of the key.
    this.refusals.clear();
    this.outdateFlights();
  }

  private outdateFlights(): void {
    for (const flight of this.flights.values()) flight.isOutdated = true;
  }

  private pause(): void {
    this.pausedUntil = this.clock.monotonic() + PAUSE_MS;
  }

  private isPaused(): boolean {
    return this.clock.monotonic() < this.pausedUntil;
  }
}

function refuse(row: VerifyingRow | undefined): KeyLookup | undefined {
  if (!row) return UNKNOWN;
  if (row.revoked_at !== null) return REVOKED;
  return row.owner_status === 'disabled' ? DISABLED : undefined;
}
