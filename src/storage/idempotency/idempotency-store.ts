/** An answer as it is kept, and as it is given again. */
export interface RecordedAnswer {
  readonly status: number;
  /** name, value, name, value … without those that belong to one response only. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Most bytes of answers that a store keeps; the oldest go first. */
export interface AnswerQuota {
  readonly perOwner: number;
  readonly inAll: number;
}

/** A key begins with its owner. */
export function ownerOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf('.')));
}

/** The approximate size of a kept answer in bytes. */
export function sizeOf({ headers, body }: RecordedAnswer): number {
  return ENTRY_BYTES + body.length + headers.reduce((sum, text) => sum + text.length, 0);
}

const ENTRY_BYTES = 256;

/** The right to answer for a key, for as long as it is renewed. A lost claim can be neither completed nor released. */
export interface Claim {
  readonly key: string;
  /** Random, so that a claim is never taken for the one that followed it. */
  readonly lease: string;
}

/**
 * The state of a key: new (`claimed`), a request that still runs, a request with another fingerprint, a kept answer, or
 * an answer that was not kept (`unkept`).
 */
export type ClaimResult =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | { readonly kind: 'running' | 'mismatch' | 'unkept' }
  | { readonly kind: 'recorded'; readonly answer: RecordedAnswer };

/**
 * Remembers which requests were made and what was answered, for all processes that share it. Keys and fingerprints are
 * digests: texts of clients are not stored. Every call settles within 2 s and rejects when the store cannot be used;
 * a claim that is not renewed, completed or released expires. Durations are milliseconds. When an answer is removed to
 * make room for others, its key is removed too.
 */
export interface IdempotencyStore {
  /** If several callers ask at once, exactly one of them gets `claimed`. */
  claim(key: string, fingerprint: string, leaseMs: number): Promise<ClaimResult>;
  /** Keeps the claim for as long again, from now. */
  renew(claim: Claim, leaseMs: number): Promise<void>;
  /** Ends the claim with its answer, or with `undefined` when the answer is not kept; remembered for `ttlMs`. */
  complete(claim: Claim, answer: RecordedAnswer | undefined, ttlMs: number): Promise<void>;
  /** Ends the claim as if it had never existed. */
  release(claim: Claim): Promise<void>;
  /** Waits for pending writes. */
  close(): Promise<void>;
}
