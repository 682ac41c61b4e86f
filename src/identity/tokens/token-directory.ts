import { hash } from 'node:crypto';
import type { Knex } from 'knex';
import { createBoundedCache } from '../../lib/bounded-cache.ts';
import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/with-deadline.ts';
import type { FailedAuth } from '../failed-auth.ts';
import type { IdentityChange } from '../identity-changes.ts';
import type { FileConsumer, KeyLookup } from '../known-key.ts';
import { ChangeMarks } from './change-marks.ts';
import { grantOfFile, grantOfRow, grantOfStranger, principalOf, type TierNames } from './token-principal.ts';
import { isStoredId } from '../name-owner.ts';
import { readStanding } from './token-standing.ts';
import { isTokenShaped, type TokenVerifier, type VerifiedToken } from './verify-token.ts';
import { DISABLED, EXPIRED, NOT_GENUINE, REVOKED, THROTTLED, UNAVAILABLE } from '../ready-lookups.ts';

interface TokenDirectoryOptions {
  readonly reader: Knex;
  readonly clock: Clock;
  readonly failedAuth: FailedAuth;
  /** Called when a lookup failed because the store did; for the log. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** What tokens are measured by; replaced as a whole by a reload. */
export interface TokenRules {
  readonly verifier: TokenVerifier;
  readonly tiers: TierNames;
  /** Aliases of the foreign issuers. */
  readonly aliases: readonly string[];
}

/** A token that verified, with its ready answer: a hit on it allocates nothing. */
interface KnownToken {
  readonly answer: KeyLookup & { readonly kind: 'found' };
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** What may change it, and the mark at which it was read. */
  readonly dependsOn: readonly string[];
  readonly readAt: number;
  /** Monotonic milliseconds. */
  readonly fetchedAt: number;
  /** Monotonic milliseconds before which a failed reading is not repeated. */
  retryAt: number;
}

const MOST_KNOWN = 50_000;
const MOST_REFUSALS = 20_000;
const REFUSAL_TTL_MS = 10_000;
const VERIFY_AFTER_MS = 5 * 60_000;
const SERVED_FOR_MS = 15 * 60_000;
const LOOKUP_DEADLINE_MS = 2000;
const MOST_FLIGHTS = 1000;
/** After a failure the store is left alone this long. */
const PAUSE_MS = 1500;

/**
 * Answers who calls with a token. A token is verified and looked up in the database once, and then known by its SHA-256:
 * from there on the answer is synchronous and no new object, until the token expires, is revoked, or its consumer
 * changes. Known tokens are verified again after 5 min and served up to 15 min while the store is down; one not known
 * while it is down is `unavailable`, never refused.
 */
export class TokenDirectory {
  private readonly options: TokenDirectoryOptions;
  private readonly clock: Clock;
  private rules: TokenRules;
  private fileConsumers: ReadonlyMap<string, FileConsumer> = new Map();
  private readonly known = createBoundedCache<string, KnownToken>(MOST_KNOWN);
  private readonly refusals = createBoundedCache<string, KeyLookup>(MOST_REFUSALS, REFUSAL_TTL_MS);
  private readonly flights = new Map<string, Promise<KeyLookup>>();
  private readonly marks = new ChangeMarks();
  private pausedUntil = 0;

  constructor(options: TokenDirectoryOptions, rules: TokenRules) {
    this.options = options;
    this.clock = options.clock;
    this.rules = rules;
  }

  /** Every token is verified again, by the new rules. */
  setRules(rules: TokenRules): void {
    this.rules = rules;
    this.forget('everything');
  }

  /** Replaces the consumers of the configuration file; known tokens are read again. */
  setFileConsumers(consumers: readonly FileConsumer[]): void {
    this.fileConsumers = new Map(consumers.map((consumer) => [consumer.id, consumer]));
    this.forget('everything');
  }

  /** `from` is the client's address: one that has failed too often may have only four tokens verified at a time. */
  find(presented: string, from: string): KeyLookup | Promise<KeyLookup> {
    const digest = hash('sha256', presented, 'hex');
    const known = this.known.get(digest);
    if (known && this.isServable(known, digest, presented)) return this.answer(known);
    const refusal = this.refusals.get(digest);
    if (refusal) return refusal;
    return isTokenShaped(presented) ? this.lookUp(digest, presented, from) : NOT_GENUINE.form;
  }

  /** Notes what changed; for the feed. */
  forget(changes: readonly IdentityChange[] | 'everything'): void {
    if (changes === 'everything') {
      this.marks.addEverything();
      this.refusals.clear();
      return;
    }
    for (const { kind, subject } of changes) {
      if (kind === 'token') this.marks.add(subject);
      if (kind !== 'consumer') continue;
      this.marks.add(`consumer:${subject}`);
      // Refusals do not name the owner of the token.
      this.refusals.clear();
    }
  }

  /** Tokens that are cached now. */
  get size(): number {
    return this.known.size;
  }

  private isServable(known: KnownToken, digest: string, presented: string): boolean {
    const now = this.clock.monotonic();
    const age = now - known.fetchedAt;
    if (age >= SERVED_FOR_MS || this.marks.hasChanged(known.dependsOn, known.readAt)) {
      this.known.delete(digest);
      return false;
    }
    if (age >= VERIFY_AFTER_MS && now >= known.retryAt && !this.isPaused()) {
      known.retryAt = now + PAUSE_MS;
      void this.fetch(digest, presented);
    }
    return true;
  }

  private answer(known: KnownToken): KeyLookup {
    return this.clock.now() < known.expiresAt ? known.answer : EXPIRED;
  }

  private lookUp(digest: string, presented: string, from: string): KeyLookup | Promise<KeyLookup> {
    const flight = this.flights.get(digest);
    if (flight) return flight;
    if (this.isPaused() || this.flights.size >= MOST_FLIGHTS) return UNAVAILABLE;
    const { failedAuth } = this.options;
    if (!failedAuth.isOver(from)) return this.fetch(digest, presented);
    return failedAuth.runThrottled(from, () => this.fetch(digest, presented)).then((result) => result ?? THROTTLED);
  }

  /** Never rejects. */
  private fetch(digest: string, presented: string): Promise<KeyLookup> {
    const running = this.flights.get(digest);
    if (running) return running;
    const flight = this.load(digest, presented)
      .catch((error: unknown) => {
        this.pausedUntil = this.clock.monotonic() + PAUSE_MS;
        this.options.onFailure?.(error);
        return UNAVAILABLE;
      })
      .finally(() => this.flights.delete(digest));
    this.flights.set(digest, flight);
    return flight;
  }

  private async load(digest: string, presented: string): Promise<KeyLookup> {
    const readAt = this.marks.now;
    const verification = await this.rules.verifier.verify(presented);
    if (verification.kind === 'unavailable') return UNAVAILABLE;
    if (verification.kind === 'refused')
      return this.refuse(digest, verification.reason === 'expired' ? EXPIRED : NOT_GENUINE[verification.why], readAt);
    const result = await withDeadline(this.settle(digest, verification.token, readAt), LOOKUP_DEADLINE_MS);
    if ('answer' in result) {
      this.known.set(digest, result);
      return this.answer(result);
    }
    return this.refuse(digest, result, readAt);
  }

  private async settle(digest: string, token: VerifiedToken, readAt: number): Promise<KnownToken | KeyLookup> {
    const fetchedAt = this.clock.monotonic();
    if (this.isForeignNameOnOwnToken(token)) return NOT_GENUINE.owner;
    const { consumer, isRevoked, dependsOn } = await readStanding(this.options.reader, token, this.clock.now());
    if (isRevoked) return REVOKED;
    const inFile = token.issuer ? undefined : this.fileConsumers.get(token.subject);
    if (inFile?.enabled === false || consumer?.status === 'disabled') return DISABLED;
    const stored = inFile ? grantOfFile(inFile) : consumer && grantOfRow(consumer);
    if (!stored && needsRow(token)) return NOT_GENUINE.owner;
    const principal = principalOf(token, stored ?? grantOfStranger(token, this.rules.tiers), digest);
    const answer = Object.freeze({ kind: 'found', principal } as const);
    return { answer, expiresAt: token.expiresAt, dependsOn, readAt, fetchedAt, retryAt: 0 };
  }

  /** Only its issuer may vouch for `<alias>:<sub>`. */
  private isForeignNameOnOwnToken({ issuer, subject }: VerifiedToken): boolean {
    return !issuer && this.rules.aliases.some((alias) => subject.startsWith(`${alias}:`));
  }

  /** Kept only if nothing has changed since the read began; otherwise it may be outdated. */
  private refuse(digest: string, refusal: KeyLookup, readAt: number): KeyLookup {
    if (this.marks.now === readAt) this.refusals.set(digest, refusal);
    this.known.delete(digest);
    return refusal;
  }

  private isPaused(): boolean {
    return this.clock.monotonic() < this.pausedUntil;
  }
}

/** A token of a login, or of somebody whom a database had: without the row its owner is gone, or is another gateway's. */
function needsRow({ issuer, family, subject }: VerifiedToken): boolean {
  return !issuer && (family !== undefined || isStoredId(subject));
}
