import { type CounterAnswer, type CounterCall, type SentGrant, trimLine } from './counter-calls.ts';
import type { Charge, Correction, Counted, Decision, LeaseAsk, LeaseGrant, LendingStore } from './counter-store.ts';
import { DenialCache } from './denial-cache.ts';
import { type FleetPlace, LocalShare } from './local-share.ts';
import { readLeft } from './read-left.ts';

/** The way to the process that counts. */
export interface CounterLink {
  /** Processes that count there. */
  readonly size: number;
  /** One answer per call, in their order. Rejects when they do not come in time. */
  ask(calls: readonly CounterCall[]): Promise<readonly CounterAnswer[]>;
}

interface LinkedCountersOptions {
  readonly link: CounterLink;
  /** This process's own time in microseconds, never going back. */
  readonly nowUs: () => number;
}

interface Waiting {
  readonly call: CounterCall;
  readonly resolve: (answer: CounterAnswer) => void;
  readonly giveUp: () => void;
}

const UNAVAILABLE: Decision = { outcome: 'unavailable', verdicts: [] };

/**
 * Counts in another process of the same gateway. What is asked in one turn of the event loop travels together. When no
 * answer comes in time this process admits its share of a limit; tokens and money, which have no share, are refused.
 */
export class LinkedCounters implements LendingStore {
  readonly degraded = undefined;
  private readonly options: LinkedCountersOptions;
  private readonly denials: DenialCache;
  private readonly share: LocalShare;
  /** The last of them has the smallest share: which one this is it does not know. */
  private readonly place: FleetPlace;
  private waiting: Waiting[] = [];

  constructor(options: LinkedCountersOptions) {
    this.options = options;
    this.denials = new DenialCache(options.nowUs, true);
    this.share = new LocalShare(options.nowUs);
    this.place = { size: options.link.size, rank: options.link.size - 1 };
  }

  get hasDenials(): boolean {
    return !this.denials.isEmpty;
  }

  peek(charges: readonly Charge[]): Decision | undefined {
    return this.denials.find(charges);
  }

  decide(charges: readonly Charge[]): Promise<Decision> {
    return new Promise((resolve) => {
      const settle = (answer: CounterAnswer): void => {
        const decision = answer as Decision;
        this.denials.keep(charges, decision);
        this.share.note(charges, decision);
        resolve(decision);
      };
      const call = { kind: 'decide', charges: charges.map(trimLine) } as const;
      this.enqueue({ call, resolve: settle, giveUp: () => resolve(this.decideAlone(charges)) });
    });
  }

  lease(ask: LeaseAsk): Promise<LeaseGrant | undefined> {
    const askedAt = this.options.nowUs();
    return new Promise((resolve) => {
      const settle = (answer: CounterAnswer): void => {
        const { lifeUs, ...grant } = answer as SentGrant;
        resolve({ ...grant, expiresAt: askedAt + lifeUs });
      };
      const call = { kind: 'lease', ask: trimLine(ask) } as const;
      this.enqueue({ call, resolve: settle, giveUp: () => resolve(undefined) });
    });
  }

  read(counts: readonly Counted[]): Promise<(number | undefined)[]> {
    return readLeft(this, counts);
  }

  adjust(corrections: readonly Correction[]): void {
    const call = { kind: 'adjust', corrections: corrections.map(trimLine) } as const;
    this.enqueue({ call, resolve: () => undefined, giveUp: () => undefined });
    for (const { key, units } of corrections) if (units < 0) this.denials.forget(key);
  }

  forgetDenial(key: string): void {
    this.denials.forget(key);
  }

  /** Resolves when what was corrected so far has arrived. */
  async close(): Promise<void> {
    await this.flush();
  }

  private decideAlone(charges: readonly Charge[]): Decision {
    if (charges.some(({ line }) => line.unit !== 'requests')) return UNAVAILABLE;
    // A local count cannot be corrected in the other process.
    const { outcome, verdicts } = this.share.decide(charges, this.place);
    return { outcome, verdicts };
  }

  private enqueue(waiting: Waiting): void {
    this.waiting.push(waiting);
    // Not at once: what else has just been read from the clients' sockets joins in.
    if (this.waiting.length === 1) setImmediate(() => void this.flush());
  }

  private async flush(): Promise<void> {
    const asked = this.waiting;
    if (asked.length === 0) return;
    this.waiting = [];
    try {
      const answers = await this.options.link.ask(asked.map(({ call }) => call));
      for (let i = 0; i < asked.length; i++) asked[i]?.resolve(answers[i]);
    } catch {
      for (const { giveUp } of asked) giveUp();
    }
  }
}
