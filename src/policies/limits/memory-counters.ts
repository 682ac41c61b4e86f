import type { Charge, CounterStore, Decision } from './counter-store.ts';
import { DenialCache } from './denial-cache.ts';
import type { Verdict } from './rule.ts';
import { charge, createState, type RuleState, weigh } from './step.ts';

interface Count {
  readonly state: RuleState;
  /** After this the state is as new. */
  idleAt: number;
  /** Used since the hand of the sweep last passed. */
  isRecent: boolean;
}

interface MemoryOptions {
  /** Epoch microseconds. */
  readonly nowUs: () => number;
  /** Counts kept at most; past it those unused for longest, roughly, are forgotten. */
  readonly mostKeys?: number;
}

const MOST_KEYS = 1_000_000;
/** Counts looked at for every count added: two would suffice to find all idle ones, more find them sooner. */
const SWEEP_PER_INSERT = 4;

/** Counts in this process. Every decision is synchronous and exact. */
export class MemoryCounters implements CounterStore {
  readonly degraded = undefined;
  private readonly counts = new Map<string, Count>();
  private readonly nowUs: () => number;
  private readonly mostKeys: number;
  private readonly denials: DenialCache;
  private hand: MapIterator<[string, Count]>;
  /** Reused from call to call: decisions do not interleave. */
  private readonly touched: Count[] = [];

  constructor({ nowUs, mostKeys = MOST_KEYS }: MemoryOptions) {
    this.nowUs = nowUs;
    this.mostKeys = mostKeys;
    this.denials = new DenialCache(nowUs);
    this.hand = this.counts.entries();
  }

  /** Counts held at present. */
  get size(): number {
    return this.counts.size;
  }

  get hasDenials(): boolean {
    return !this.denials.isEmpty;
  }

  peek(charges: readonly Charge[]): Decision | undefined {
    return this.denials.find(charges);
  }

  decide(charges: readonly Charge[]): Decision {
    const now = this.nowUs();
    const verdicts: Verdict[] = [];
    let isRefused = false;
    for (let i = 0; i < charges.length; i++) {
      const { line, key, cost } = charges[i] as Charge;
      const count = this.counts.get(key) ?? { state: createState(line.rule), idleAt: 0, isRecent: false };
      const verdict = weigh(count.state, line.rule, now, cost);
      if (!verdict.admitted && !line.isDryRun) isRefused = true;
      this.touched[i] = count;
      verdicts.push(verdict);
    }
    const decision: Decision = { outcome: isRefused ? 'refused' : 'admitted', verdicts };
    if (isRefused) this.denials.keep(charges, decision);
    else this.commit(charges, verdicts, now);
    return decision;
  }

  /** Gives a count that does not exist yet a state to begin with. */
  seed({ line, key }: Charge, prepare: (state: RuleState) => void): void {
    if (this.counts.has(key)) return;
    const count: Count = { state: createState(line.rule), idleAt: this.nowUs() + line.rule.horizonUs, isRecent: true };
    prepare(count.state);
    this.insert(key, count, this.nowUs());
  }

  clear(): void {
    this.counts.clear();
    this.denials.clear();
    this.hand = this.counts.entries();
  }

  async close(): Promise<void> {
    this.clear();
  }

  private commit(charges: readonly Charge[], verdicts: readonly Verdict[], now: number): void {
    let isNew = false;
    for (let i = 0; i < charges.length; i++) {
      const verdict = verdicts[i] as Verdict;
      if (!verdict.admitted) continue;
      const { line, cost } = charges[i] as Charge;
      const count = this.touched[i] as Count;
      charge(count.state, line.rule, now, cost, verdict);
      if (count.idleAt === 0) isNew = true;
      count.idleAt = now + line.rule.horizonUs;
      count.isRecent = true;
    }
    if (isNew) this.insertNew(charges, verdicts, now);
  }

  /** After all are charged: an insertion sweeps, and must find no count idle that this request is about to use. */
  private insertNew(charges: readonly Charge[], verdicts: readonly Verdict[], now: number): void {
    for (let i = 0; i < charges.length; i++) {
      const { key } = charges[i] as Charge;
      if (verdicts[i]?.admitted && !this.counts.has(key)) this.insert(key, this.touched[i] as Count, now);
    }
  }

  private insert(key: string, count: Count, now: number): void {
    for (let i = 0; i < SWEEP_PER_INSERT; i++) this.sweepOne(now);
    while (this.counts.size >= this.mostKeys) this.sweepOne(now);
    this.counts.set(key, count);
  }

  /** Moves the hand on by one count (the clock algorithm): idle ones go, and when memory is short unused ones too. */
  private sweepOne(now: number): void {
    const next = this.hand.next();
    if (next.done) {
      this.hand = this.counts.entries();
      return;
    }
    const [key, count] = next.value;
    const isUnwanted = this.counts.size >= this.mostKeys && !count.isRecent;
    count.isRecent = false;
    if (count.idleAt <= now || isUnwanted) this.counts.delete(key);
  }
}
