import type { RedisGuard } from '../../storage/redis-guard.ts';
import type { Charge, CounterStore, Decision } from './counter-store.ts';
import { DECIDE, parseScriptReply, pushScriptArgs, readScriptReply } from './decide-script.ts';
import { DenialCache } from './denial-cache.ts';
import { type FleetPlace, LocalShare } from './local-share.ts';

/** What happens to requests while the shared store is away. */
export type OnStoreFailure = 'local' | 'open' | 'closed';

interface RedisCountersOptions {
  readonly guard: Pick<RedisGuard, 'isUp' | 'reason' | 'run' | 'close'>;
  readonly fleet: FleetPlace;
  readonly prefix: string;
  /** Asked at every failure, so that a reload takes effect. */
  readonly onStoreFailure: () => OnStoreFailure;
  /** This process's own time in microseconds, never going back. */
  readonly nowUs: () => number;
  /** Tests move the store's time; 0 is the server's own clock, the only one that all processes share. */
  readonly storeNowUs?: () => number;
}

interface Waiting {
  readonly charges: readonly Charge[];
  readonly resolve: (decision: Decision) => void;
}

/** Requests decided by one run of the script: more would keep Redis from others for over a millisecond. */
const MOST_PER_SCRIPT = 64;

/**
 * Counts shared through Redis. A request is decided atomically over all its lines; requests that arrive together share
 * one script and one round trip, because commands, not counting, are what both sides spend their time on.
 */
export class RedisCounters implements CounterStore {
  private readonly options: RedisCountersOptions;
  private readonly denials: DenialCache;
  private readonly share: LocalShare;
  private readonly waiting: Waiting[] = [];
  private isAsking = false;

  constructor(options: RedisCountersOptions) {
    this.options = options;
    this.denials = new DenialCache(options.nowUs);
    this.share = new LocalShare(options.nowUs);
  }

  get hasDenials(): boolean {
    return !this.denials.isEmpty;
  }

  get degraded(): string | undefined {
    return this.options.guard.reason;
  }

  peek(charges: readonly Charge[]): Decision | undefined {
    return this.denials.find(charges);
  }

  decide(charges: readonly Charge[]): Decision | Promise<Decision> {
    if (!this.options.guard.isUp) return this.decideAlone(charges);
    return this.decideInRedis(charges);
  }

  /** The store went: what it refused binds this process no longer, which now has a share of its own. */
  forgetDenials(): void {
    this.denials.clear();
  }

  /** The store came back, or lost its data: nothing that was counted or refused here holds. */
  forget(): void {
    this.denials.clear();
    this.share.clear();
  }

  async close(): Promise<void> {
    this.options.guard.close();
  }

  private decideInRedis(charges: readonly Charge[]): Promise<Decision> {
    return new Promise((resolve) => {
      this.waiting.push({ charges, resolve });
      // Not at once: what else has just been read from the clients' sockets joins in.
      if (this.waiting.length === 1 && !this.isAsking) setImmediate(this.flush);
    });
  }

  /** One script is under way at a time; what arrives meanwhile shares the next one. */
  private readonly flush = (): void => {
    if (this.isAsking || this.waiting.length === 0) return;
    const requests = this.waiting.splice(0, MOST_PER_SCRIPT);
    this.isAsking = true;
    void this.ask(requests).then(() => {
      this.isAsking = false;
      this.flush();
    });
  };

  /** Never rejects. */
  private async ask(requests: readonly Waiting[]): Promise<void> {
    const { guard, prefix, storeNowUs } = this.options;
    const keys: string[] = [];
    const args: (string | number)[] = [storeNowUs?.() ?? 0];
    for (const { charges } of requests) {
      for (const { key } of charges) keys.push(prefix + key);
      pushScriptArgs(args, charges);
    }
    try {
      if (!guard.isUp) throw new Error('Redis is away');
      this.tell(requests, parseScriptReply(await guard.run(DECIDE, keys, args)));
    } catch {
      // The guard has told why; requests in flight are decided like those that follow them.
      for (const { charges, resolve } of requests) resolve(this.decideAlone(charges));
    }
  }

  private tell(requests: readonly Waiting[], reply: readonly number[]): void {
    let from = 0;
    for (const { charges, resolve } of requests) {
      const decision = readScriptReply(reply, from, charges.length);
      from += 1 + 4 * charges.length;
      this.denials.keep(charges, decision);
      this.share.note(charges, decision);
      resolve(decision);
    }
  }

  private decideAlone(charges: readonly Charge[]): Decision {
    const mode = this.options.onStoreFailure();
    if (mode === 'closed') return { outcome: 'unavailable', verdicts: [] };
    if (mode === 'open') return { outcome: 'admitted', verdicts: charges.map(() => undefined) };
    return this.share.decide(charges, this.options.fleet);
  }
}
