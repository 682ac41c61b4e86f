import type { RedisGuard } from '../../storage/redis-guard.ts';
import type { Charge, CounterStore, Decision } from './counter-store.ts';
import { DECIDE, pushScriptArgs, readScriptReply } from './decide-script.ts';
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

/** Counts shared through Redis: each decision is one script in one round trip, atomic over all lines of the request. */
export class RedisCounters implements CounterStore {
  private readonly options: RedisCountersOptions;
  private readonly denials: DenialCache;
  private readonly share: LocalShare;

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

  private async decideInRedis(charges: readonly Charge[]): Promise<Decision> {
    const { guard, prefix, storeNowUs } = this.options;
    const keys: string[] = [];
    const args: (string | number)[] = [storeNowUs?.() ?? 0];
    for (const charge of charges) {
      keys.push(prefix + charge.key);
      pushScriptArgs(args, charge);
    }
    let reply: number[];
    try {
      reply = (await guard.run(DECIDE, keys, args)) as number[];
    } catch {
      // The guard has told why; a request in flight is decided like those that follow it.
      return this.decideAlone(charges);
    }
    const { isRefused, verdicts } = readScriptReply(reply);
    const decision: Decision = { outcome: isRefused ? 'refused' : 'admitted', verdicts };
    this.denials.keep(charges, decision);
    this.share.note(charges, decision);
    return decision;
  }

  private decideAlone(charges: readonly Charge[]): Decision {
    const mode = this.options.onStoreFailure();
    if (mode === 'closed') return { outcome: 'unavailable', verdicts: [] };
    if (mode === 'open') return { outcome: 'admitted', verdicts: charges.map(() => undefined) };
    return this.share.decide(charges, this.options.fleet);
  }
}
