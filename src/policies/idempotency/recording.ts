import { setTimeout as wait } from 'node:timers/promises';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Claim, IdempotencyStore, RecordedAnswer } from '../../storage/idempotency/idempotency-store.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { keptHeaders } from './kept-headers.ts';
import { RecordedBody } from './recorded-body.ts';
import type { Recordings } from './recordings.ts';

/** A store may be away for two thirds of a lease before a running request loses its claim. */
const RENEWALS_PER_LEASE = 3;
/** An answer without a reader is waited for no longer than this, whatever the timeouts of the route allow. */
const MOST_DETACHED_MS = 30 * 60_000;
/** Waits before the tries to write an answer down; then the claim is left to its end. */
const WRITE_WAITS_MS = [0, 500, 2_000];

interface RecordingOptions {
  readonly store: IdempotencyStore;
  readonly recordings: Recordings;
  readonly log: Pick<Logger, 'warn'>;
  readonly ttl: number;
  readonly leaseMs: number;
  readonly maxBytes: number;
}

/** One claimed request on its way: listens to its answer and, at the end, keeps it or lets the key go. */
export class Recording {
  private readonly exchange: Exchange;
  private readonly claim: Claim;
  private readonly options: RecordingOptions;
  private readonly body: RecordedBody;
  private readonly renewal: NodeJS.Timeout;
  private head: { readonly status: number; readonly headers: readonly string[] } | undefined;

  constructor(exchange: Exchange, claim: Claim, options: RecordingOptions) {
    this.exchange = exchange;
    this.claim = claim;
    this.options = options;
    this.body = new RecordedBody(options.maxBytes, options.recordings.budget.accountOf(exchange.payer));
    this.renewal = setInterval(() => this.renew(), options.leaseMs / RENEWALS_PER_LEASE).unref();
    // Who leaves comes back with the same key, and wants the answer then.
    exchange.onAbort = 'detach';
    exchange.onHead((headers, status) => this.begin(headers, status));
    exchange.onSent((chunk) => this.take(chunk));
    exchange.onSettled(() => this.end());
  }

  /** The last head counts: one whose body never came is followed by that of an error. */
  private begin(headers: readonly string[], status: number): void {
    this.head = { status, headers: keptHeaders(headers) };
  }

  private take(chunk: Buffer): void {
    this.body.append(chunk);
    // Nobody reads any more, and the rest would not be kept. Later, because the call is in the middle of this chunk.
    if (!this.body.isWhole && this.exchange.isDetached) setImmediate(() => this.exchange.running?.abandon());
  }

  private renew(): void {
    const { exchange, claim, options } = this;
    const runsTooLong = performance.now() - exchange.startedAt > MOST_DETACHED_MS;
    if (runsTooLong && exchange.isDetached) exchange.running?.abandon();
    options.store.renew(claim, options.leaseMs).catch(() => undefined);
  }

  private end(): void {
    clearInterval(this.renewal);
    const { store, recordings, ttl } = this.options;
    const write = this.isFinal()
      ? () => store.complete(this.claim, this.answer(), ttl)
      : () => store.release(this.claim);
    recordings.finish(
      this.claim.key,
      this.insist(write).finally(() => this.body.drop()),
    );
  }

  private answer(): RecordedAnswer | undefined {
    return this.head && this.body.isWhole ? { ...this.head, body: this.body.bytes } : undefined;
  }

  /** An answer that a repetition would get too. What the gateway refused has not run, and what failed may be tried again. */
  private isFinal(): boolean {
    const { head, exchange } = this;
    if (!head || exchange.rejection) return false;
    // An answer too long to be kept was one, even if its end was no longer waited for.
    if (!exchange.isAnswerWhole && this.body.isWhole) return false;
    return head.status < 500 && !PASSING.has(head.status);
  }

  private async insist(write: () => Promise<void>): Promise<void> {
    let failure: unknown;
    for (const ms of WRITE_WAITS_MS) {
      if (ms > 0) await wait(ms, undefined, { ref: false });
      try {
        return await write();
      } catch (error) {
        failure = error;
      }
    }
    const fields = { err: failure, request_id: this.exchange.id };
    this.options.log.warn(fields, 'an answer could not be kept: its idempotency key is free again within a minute');
  }
}

/** RFC 9110 15.5.9, RFC 8470 5.2 and RFC 6585 4: they ask for the same request once more. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
