import { createLocalJWKSet, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';
import type { Clock } from '../../lib/clock.ts';

/** The keys a token may have been signed with; `unavailable` while it cannot be known which keys there are. */
export type KeyChoice = readonly CryptoKey[] | 'unknown' | 'unavailable';

interface KeySetOptions {
  readonly url: string;
  /** Milliseconds between two readings. */
  readonly refreshMs: number;
  readonly clock: Clock;
  /** Called when readings begin or cease to succeed; `reason` never quotes what was read. */
  readonly onChange?: (isUp: boolean, reason: string | undefined) => void;
}

type FindKey = ReturnType<typeof createLocalJWKSet>;

const COOLDOWN_MS = 30_000;
const FETCH_DEADLINE_MS = 5000;
const LARGEST_SET = 64 * 1024;
const SERVED_FOR_MS = 24 * 60 * 60 * 1000;
/** Keys without `kid` are tried one after the other; more than these are not. */
const MOST_CANDIDATES = 8;
const MOST_WAITING = 500;

/**
 * The public keys of an issuer, from its address and nowhere else. Read at the start, then every `refreshMs`, and when a
 * token names a key that is not among them; never more than once in 30 s whatever the tokens say. A reading that fails
 * or finds no key changes nothing: the last good set serves for up to 24 h.
 */
export class KeySet {
  private readonly options: KeySetOptions;
  private readonly timer: NodeJS.Timeout;
  private readonly ending = new AbortController();
  private findKey: FindKey | undefined;
  private loadedAt = 0;
  private startedAt = Number.NEGATIVE_INFINITY;
  private running: Promise<void> | undefined;
  private waiting = 0;
  /** Whether the last reading succeeded. */
  private isUp = true;

  constructor(options: KeySetOptions) {
    this.options = options;
    this.timer = setInterval(() => void this.refetch(), options.refreshMs).unref();
    void this.refetch();
  }

  /** `header` is only looked up in the set: nothing in it is fetched, read or executed. */
  async candidates(header: JWSHeaderParameters): Promise<KeyChoice> {
    const known = await this.select(header);
    if (known.length > 0) return known;
    const reading = this.refetch();
    if (reading) {
      if (this.waiting >= MOST_WAITING) return 'unavailable';
      this.waiting += 1;
      await reading;
      this.waiting -= 1;
    }
    const found = await this.select(header);
    if (found.length > 0) return found;
    // An unknown key may be one that could not be read.
    return this.isUp && this.isServable() ? 'unknown' : 'unavailable';
  }

  /** Ends the reading that runs; nothing is reported any more. */
  close(): void {
    clearInterval(this.timer);
    this.ending.abort();
  }

  private async select(header: JWSHeaderParameters): Promise<CryptoKey[]> {
    if (!this.findKey || !this.isServable()) return [];
    try {
      return [await this.findKey(header)];
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      return code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS' ? firstOf(error as AsyncIterable<CryptoKey>) : [];
    }
  }

  private isServable(): boolean {
    return this.findKey !== undefined && this.options.clock.monotonic() - this.loadedAt < SERVED_FOR_MS;
  }

  /** The reading that runs, or a new one; `undefined` within 30 s of the last. Never rejects. */
  private refetch(): Promise<void> | undefined {
    const now = this.options.clock.monotonic();
    if (this.running) return this.running;
    if (now - this.startedAt < COOLDOWN_MS) return undefined;
    this.startedAt = now;
    const run = this.load(now).finally(() => {
      this.running = undefined;
    });
    this.running = run;
    return run;
  }

  private async load(startedAt: number): Promise<void> {
    try {
      this.findKey = createLocalJWKSet(await fetchKeySet(this.options.url, this.ending.signal));
      this.loadedAt = startedAt;
      this.report(true, undefined);
    } catch (error) {
      this.report(false, reasonOf(error));
    }
  }

  private report(isUp: boolean, reason: string | undefined): void {
    if (isUp !== this.isUp && !this.ending.signal.aborted) this.options.onChange?.(isUp, reason);
    this.isUp = isUp;
  }
}

async function firstOf(keys: AsyncIterable<CryptoKey>): Promise<CryptoKey[]> {
  const first: CryptoKey[] = [];
  for await (const key of keys) {
    if (first.push(key) === MOST_CANDIDATES) break;
  }
  return first;
}

async function fetchKeySet(url: string, ending: AbortSignal): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { Accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.any([ending, AbortSignal.timeout(FETCH_DEADLINE_MS)]),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  const set = JSON.parse(await readCapped(response)) as { readonly keys?: unknown } | null;
  if (!Array.isArray(set?.keys) || set.keys.length === 0) throw new Error('no keys in it');
  return set as JSONWebKeySet;
}

async function readCapped(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop cancels the body, and with it the download.
    if (size > LARGEST_SET) throw new Error(`larger than ${LARGEST_SET} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { readonly cause?: NodeJS.ErrnoException };
  if (name === 'SyntaxError') return 'not JSON';
  return cause?.code ?? cause?.message ?? message;
}
