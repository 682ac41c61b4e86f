import type { RedisGuard } from '../storage/redis-guard.ts';
import { Corrections } from './corrections.ts';
import type { Charge, Correction, Counted, Decision, LeaseAsk, LeaseGrant, LendingStore } from './counter-store.ts';
import { DECIDE, parseScriptReply, pushLease, pushRequest, readDecision, readVerdict } from './lua/decide.lua.ts';
import { DenialCache } from './denial-cache.ts';
import type { Line } from './line.ts';
import { type FleetPlace, LocalShare } from './local-share.ts';
import { readLeft } from './read-left.ts';
import { findCountedAt } from './rules/step.ts';

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
  /**
   * In a cluster a script sees the keys of one slot: keys with equal groups share one. Then all charges of a decision
   * must be of one group. Default: all keys are one group.
   */
  readonly groupOf?: ((key: string) => string) | undefined;
}

/** A request to be decided, or units to be taken in advance. */
type Waiting =
  | { readonly charges: readonly Charge[]; readonly ask?: undefined; readonly resolve: (decision: Decision) => void }
  | { readonly ask: LeaseAsk; readonly resolve: (grant: LeaseGrant | undefined) => void };

/** Requests whose keys share a slot. One script runs at a time; requests that arrive meanwhile share the next one. */
interface Group {
  readonly name: string;
  readonly waiting: Waiting[];
  isAsking: boolean;
}

const UNAVAILABLE: Decision = { outcome: 'unavailable', verdicts: [] };

function isMetered({ unit }: Line): boolean {
  return unit !== 'requests';
}

/** No correction can name what was not counted in the store. */
function apart({ outcome, verdicts }: Decision): Decision {
  return { outcome, verdicts, at: undefined };
}

/** Requests decided by one run of the script: more would keep Redis from others for over a millisecond. */
const MOST_PER_SCRIPT = 64;

/**
 * Counts shared through Redis. A request is decided atomically over all its lines; requests that arrive together share
 * one script and one round trip, because commands, not counting, are what both sides spend their time on.
 */
export class RedisCounters implements LendingStore {
  private readonly options: RedisCountersOptions;
  private readonly denials: DenialCache;
  private readonly share: LocalShare;
  private readonly corrections: Corrections;
  /** Only those that are busy. */
  private readonly groups = new Map<string, Group>();

  constructor(options: RedisCountersOptions) {
    this.options = options;
    this.denials = new DenialCache(options.nowUs, true);
    this.share = new LocalShare(options.nowUs);
    this.corrections = new Corrections({
      ...options,
      groupOf: options.groupOf ?? (() => ''),
      storeNowUs: options.storeNowUs ?? (() => 0),
    });
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
    return new Promise((resolve) => this.enqueue((charges[0] as Charge).key, { charges, resolve }));
  }

  lease(ask: LeaseAsk): undefined | Promise<LeaseGrant | undefined> {
    if (!this.options.guard.isUp) return undefined;
    return new Promise((resolve) => this.enqueue(ask.key, { ask, resolve }));
  }

  read(counts: readonly Counted[]): Promise<(number | undefined)[]> {
    return readLeft(this, counts);
  }

  adjust(corrections: readonly Correction[]): void {
    this.corrections.add(corrections.filter(({ units, at }) => units > 0 || at !== undefined));
    for (const { key, units } of corrections) if (units < 0) this.denials.forget(key);
  }

  /**
   * As while the store is away: by this process's share, or as `on_store_failure` says. Tokens and money are never let
   * through unseen: this process spends its share of what was left when the store was last heard, and nothing where it was
   * never heard.
   */
  decideAlone(charges: readonly Charge[]): Decision {
    const mode = this.options.onStoreFailure();
    const isUnseen = ({ line, key }: Charge): boolean => isMetered(line) && !this.share.knows(key);
    if (mode === 'closed' || charges.some(isUnseen)) return UNAVAILABLE;
    if (mode === 'open' && !charges.some(({ line }) => isMetered(line)))
      return { outcome: 'admitted', verdicts: charges.map(() => undefined) };
    // A local count cannot be corrected in Redis, and a reservation would be released although it was used.
    const counted = charges.map((charge) => ({ ...charge, isReserved: false }));
    if (mode === 'local') return apart(this.share.decide(counted, this.options.fleet));
    const { outcome, verdicts } = this.share.decide(
      counted.filter(({ line }) => isMetered(line)),
      this.options.fleet,
    );
    let next = 0;
    return { outcome, verdicts: charges.map(({ line }) => (isMetered(line) ? verdicts[next++] : undefined)) };
  }

  forgetDenial(key: string): void {
    this.denials.forget(key);
  }

  /** The store is gone: its refusals no longer bind this process, which now has a share of its own. */
  forgetDenials(): void {
    this.denials.clear();
  }

  /** The store came back, or lost its data: nothing that was counted or refused here holds. */
  forget(): void {
    this.denials.clear();
    this.share.clear();
  }

  /** Resolves when every correction so far is in the store, or lost. */
  settled(): Promise<void> {
    return this.corrections.send();
  }

  async close(): Promise<void> {
    await this.settled();
    this.options.guard.close();
  }

  private enqueue(key: string, waiting: Waiting): void {
    const name = this.options.groupOf?.(key) ?? '';
    let group = this.groups.get(name);
    if (group === undefined) this.groups.set(name, (group = { name, waiting: [], isAsking: false }));
    group.waiting.push(waiting);
    // Not at once: what else has just been read from the clients' sockets joins in.
    if (group.waiting.length === 1 && !group.isAsking) setImmediate(this.flush, group);
  }

  private readonly flush = (group: Group): void => {
    if (group.isAsking) return;
    const requests = group.waiting.splice(0, MOST_PER_SCRIPT);
    if (requests.length === 0) {
      this.groups.delete(group.name);
      return;
    }
    group.isAsking = true;
    void this.ask(requests).then(() => {
      group.isAsking = false;
      this.flush(group);
    });
  };

  /** Never rejects. */
  private async ask(requests: readonly Waiting[]): Promise<void> {
    const { guard, nowUs } = this.options;
    const { keys, args } = this.write(requests);
    // Taken before the store can count anything, so that no unit is used later than the store thinks.
    const askedAt = nowUs();
    try {
      if (!guard.isUp) throw new Error('Redis is away');
      this.tell(requests, parseScriptReply(await guard.run(DECIDE, keys, args)), askedAt);
    } catch {
      // The guard has reported the reason; requests in flight are decided like later ones.
      for (const waiting of requests) {
        if (waiting.ask) waiting.resolve(undefined);
        else waiting.resolve(this.decideAlone(waiting.charges));
      }
    }
  }

  private write(requests: readonly Waiting[]): { keys: string[]; args: (string | number)[] } {
    const { prefix, storeNowUs } = this.options;
    const keys: string[] = [];
    const args: (string | number)[] = [storeNowUs?.() ?? 0];
    for (const waiting of requests) {
      if (waiting.ask) {
        keys.push(prefix + waiting.ask.key);
        pushLease(args, waiting.ask);
        continue;
      }
      for (const { key } of waiting.charges) keys.push(prefix + key);
      pushRequest(args, waiting.charges);
    }
    return { keys, args };
  }

  private tell(requests: readonly Waiting[], reply: readonly number[], askedAt: number): void {
    let from = 1;
    for (const waiting of requests) {
      if (waiting.ask) {
        waiting.resolve(this.readGrant(waiting.ask, reply, from, askedAt));
        from += 5;
        continue;
      }
      const { charges, resolve } = waiting;
      const decision = readDecision(reply, from, charges.length);
      from += 1 + 4 * charges.length;
      this.denials.keep(charges, decision);
      this.share.note(charges, decision);
      resolve(decision);
    }
  }

  private readGrant(ask: LeaseAsk, reply: readonly number[], from: number, askedAt: number): LeaseGrant {
    const { rule } = ask.line;
    const verdict = readVerdict(reply, from + 1);
    // The lines of a lease and its verdict, as `note` takes those of a request.
    this.share.note([{ ...ask, cost: 0 }], { outcome: 'admitted', verdicts: [verdict] });
    if (ask.need > 0 && !verdict.admitted)
      this.denials.keep([{ ...ask, cost: 1 }], { outcome: 'refused', verdicts: [verdict] });
    const lifeUs = rule.algorithm === 'fixed_window' ? Math.min(ask.holdUs, verdict.resetUs) : ask.holdUs;
    return {
      units: reply[from] as number,
      expiresAt: askedAt + lifeUs,
      at: findCountedAt(rule, reply[0] as number, ask.holdUs),
      verdict,
    };
  }
}
