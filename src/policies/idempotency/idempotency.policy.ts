import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { type Keeper, Kind } from '../../lib/shelf.ts';
import type { ClaimResult, IdempotencyStore, RecordedAnswer } from '../../storage/idempotency/idempotency-store.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { type AccessStep, defineAccessPolicy, type Verdict } from '../policy.ts';
import { digestKey, fingerprintOf } from './fingerprint.ts';
import { restoreHeaders } from './kept-headers.ts';
import { Recording } from './recording.ts';
import { Recordings } from './recordings.ts';
import { type IdempotencyConfig, IdempotencySchema } from './schema.ts';

interface IdempotencyDependencies {
  /** Opened by the first call. */
  readonly idempotency: () => Promise<IdempotencyStore>;
  readonly log: Pick<Logger, 'warn' | 'debug'>;
  readonly shelf: Keeper;
  readonly callerShare: number;
}

/** How long the claim of a gateway that was killed keeps its key. */
const LEASE_MS = 60_000;
const RECORDINGS = new Kind<Recordings>('answers being recorded');

/** Printable ASCII. */
const KEY_FORM = /^[\x20-\x7e]{1,255}$/;

const BAD_KEY = new Rejection('INVALID_HEADER', 'Idempotency-Key must be 1 to 255 printable ASCII characters.');
const RUNNING = new Rejection('IDEMPOTENCY_IN_PROGRESS', 'The first request with this key still runs. Retry shortly.', {
  headers: { 'Retry-After': '1' },
  facts: { retryAfterSeconds: 1 },
});
const MISMATCH = new Rejection(
  'IDEMPOTENCY_MISMATCH',
  'This key belongs to a request with another path, content type or body. Use a new key for a new request.',
);
const UNKEPT = new Rejection(
  'CONFLICT',
  'The request with this key has been answered, and the answer was too long to be kept. Use a new key to run it again.',
  { headers: { 'x-should-retry': 'false' } },
);
const STORE_DOWN = new Rejection(
  'STORE_UNAVAILABLE',
  'Whether this key was used cannot be looked up right now. Retry shortly, or send no Idempotency-Key.',
  { headers: { 'Retry-After': '1' }, facts: { retryAfterSeconds: 1 } },
);

/**
 * Runs a POST with an `Idempotency-Key` once per consumer and key, and gives its answer to every repetition. While the
 * store is away such requests are refused, never run a second time; requests without the header do not notice.
 */
export const idempotencyPolicy = defineAccessPolicy({
  name: 'idempotency',
  phase: 'access',
  schema: IdempotencySchema,
  errors: ['INVALID_HEADER', 'IDEMPOTENCY_IN_PROGRESS', 'IDEMPOTENCY_MISMATCH', 'CONFLICT', 'STORE_UNAVAILABLE'],
  create: (config, deps) => [createIdempotencyStep(config, deps)],
});

export function createIdempotencyStep(config: IdempotencyConfig, deps: IdempotencyDependencies): AccessStep {
  const gate = new IdempotencyGate(config, deps);
  return { name: 'idempotency', decide: (exchange) => gate.decide(exchange) };
}

class IdempotencyGate {
  private readonly config: IdempotencyConfig;
  private readonly deps: IdempotencyDependencies;
  private readonly recordings: Recordings;

  constructor(config: IdempotencyConfig, deps: IdempotencyDependencies) {
    this.config = config;
    this.deps = deps;
    // Opened before the first request that needs it.
    deps.idempotency().catch((error: unknown) => deps.log.warn({ err: error }, 'idempotency keys cannot be kept'));
    this.recordings = deps.shelf.keep(RECORDINGS, '', () => new Recordings(deps.callerShare));
  }

  decide(exchange: Exchange): Verdict | Promise<Verdict> {
    const { edge, principal } = exchange;
    if (edge.method !== 'POST') return undefined;
    const key = edge.headers.get('idempotency-key');
    // An answer may be given again only to whom it was given: an address is not enough to know that.
    if (key === undefined || !principal) return undefined;
    if (!KEY_FORM.test(key)) return refuse(exchange, BAD_KEY);
    return this.claim(exchange, digestKey(principal.consumer.id, key));
  }

  private async claim(exchange: Exchange, key: string): Promise<Verdict> {
    exchange.body.mustBuffer = true;
    const refusal = await exchange.body.prepare();
    if (refusal) return refusal;
    const fingerprint = await fingerprintOf(exchange);
    await this.recordings.finished(key);
    try {
      const store = await this.deps.idempotency();
      return this.conclude(exchange, store, await store.claim(key, fingerprint, LEASE_MS));
    } catch (error) {
      this.deps.log.debug({ err: error, request_id: exchange.id }, 'an idempotency key could not be looked up');
      return refuse(exchange, STORE_DOWN);
    }
  }

  private conclude(exchange: Exchange, store: IdempotencyStore, result: ClaimResult): Verdict {
    switch (result.kind) {
      case 'claimed': {
        // Who has left before anything ran gets no hooks called any more.
        if (exchange.isAbandoned) return void store.release(result.claim).catch(() => undefined);
        const { ttl, max_recorded_bytes: maxBytes } = this.config;
        const { recordings } = this;
        new Recording(exchange, result.claim, {
          store,
          recordings,
          log: this.deps.log,
          ttl,
          maxBytes,
          leaseMs: LEASE_MS,
        });
        return undefined;
      }
      case 'recorded':
        return replay(exchange, result.answer);
      case 'running':
        return refuse(exchange, RUNNING);
      case 'mismatch':
        return refuse(exchange, MISMATCH);
      case 'unkept':
        return refuse(exchange, UNKEPT);
    }
  }
}

/** Nothing was asked of the upstream, so nothing is paid. */
function refuse(exchange: Exchange, rejection: Rejection): Rejection {
  exchange.charge?.refund('all');
  return rejection;
}

/** Costs the one request it is. Request id and limit headers are those of this request. */
function replay(exchange: Exchange, { status, headers, body }: RecordedAnswer): Verdict {
  exchange.charge?.refund('usage');
  exchange.onHead((head) => {
    restoreHeaders(head, headers);
    head.push('Idempotency-Replayed', 'true');
  });
  return { status, headers: [], body };
}
