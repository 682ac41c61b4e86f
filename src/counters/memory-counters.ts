import type { Charge, Correction, Counted, Decision, LeaseAsk, LeaseGrant, LendingStore } from './counter-store.ts';
import { DenialCache } from './denial-cache.ts';
import type { Line } from './line.ts';
import { readLeft } from './read-left.ts';
import type { Verdict } from './rules/rule.ts';
import type { CalendarState } from './rules/calendar-window.ts';
import { charge, correct, createState, findCountedAt, lend, type RuleState, weigh } from './rules/step.ts';

interface Count {
  readonly state: RuleState;
  /** After this the state is as new. */
  idleAt: number;
  /** Used since the hand of the sweep last passed. */
  isRecent: boolean;
}

/** Where what was used of budgets outlives the process. */
export interface BudgetBook {
  usedBefore(key: string): number;
  /** `endsAt` in epoch milliseconds. */
  add(key: string, endsAt: number, units: number): void;
  close(): Promise<void>;
}

interface MemoryOptions {
  /** Epoch microseconds. */
  readonly nowUs: () => number;
  /** Counts kept at most; past it those unused for longest, roughly, are forgotten. */
  readonly mostKeys?: number | undefined;
  readonly book?: BudgetBook | undefined;
}

/** About 1 KiB each with one request in the window, and a few more with many. */
const MOST_KEYS = 180_000;
/** Counts looked at for every count added: two would suffice to find all idle ones, more find them sooner. */
const SWEEP_PER_INSERT = 4;

/** Counts in this process. Every decision is synchronous and exact. */
export class MemoryCounters implements LendingStore {
  readonly degraded = undefined;
  private readonly counts = new Map<string, Count>();
  private readonly nowUs: () => number;
  private readonly mostKeys: number;
  private readonly book: BudgetBook | undefined;
  private readonly denials: DenialCache;
  private hand: MapIterator<[string, Count]>;
  /** Reused from call to call: decisions do not interleave. */
  private readonly touched: Count[] = [];

  constructor({ nowUs, mostKeys = MOST_KEYS, book }: MemoryOptions) {
    this.book = book;
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
      const count = this.counts.get(key) ?? { state: this.begin(line, key), idleAt: 0, isRecent: false };
      const verdict = weigh(count.state, line.rule, now, cost);
      if (!verdict.admitted && !line.isDryRun) isRefused = true;
      this.touched[i] = count;
      verdicts.push(verdict);
    }
    const decision: Decision = { outcome: isRefused ? 'refused' : 'admitted', verdicts, at: now, storeAt: now };
    if (isRefused) this.denials.keep(charges, decision);
    else this.commit(charges, verdicts, now);
    return decision;
  }

  lease(ask: LeaseAsk): LeaseGrant {
    const { rule } = ask.line;
    const now = this.nowUs();
    const count = this.open(ask, now);
    const { granted, verdict } = lend(count.state, rule, now, ask);
    count.idleAt = Math.max(count.idleAt, now + verdict.resetUs);
    const lifeUs = rule.algorithm === 'fixed_window' ? Math.min(ask.holdUs, verdict.resetUs) : ask.holdUs;
    return { units: granted, expiresAt: now + lifeUs, at: findCountedAt(rule, now, ask.holdUs), verdict };
  }

  read(counts: readonly Counted[]): Promise<(number | undefined)[]> {
    return readLeft(this, counts);
  }

  adjust(corrections: readonly Correction[]): void {
    const now = this.nowUs();
    for (const correction of corrections) {
      const { line, key, units, at, change } = correction;
      if (units <= 0 && (at === undefined || !this.counts.has(key))) continue;
      if (line.rule.endUs !== 0 && line.rule.endUs <= now) continue;
      const count = this.open(correction, now);
      const before = usedOf(count.state);
      correct(count.state, line.rule, now, { units, at: at ?? now, change });
      this.keep(correction, usedOf(count.state) - before);
      const { resetUs } = weigh(count.state, line.rule, now, 1);
      count.idleAt = Math.max(count.idleAt, now + resetUs);
      if (units < 0) this.denials.forget(key);
    }
  }

  forgetDenial(key: string): void {
    this.denials.forget(key);
  }

  /** Gives a count that does not exist yet a state to begin with. */
  seed({ line, key }: Counted, prepare: (state: RuleState) => void): void {
    if (!this.counts.has(key)) prepare(this.open({ line, key }, this.nowUs()).state);
  }

  clear(): void {
    this.counts.clear();
    this.denials.clear();
    this.hand = this.counts.entries();
  }

  async close(): Promise<void> {
    await this.book?.close();
    this.clear();
  }

  private begin({ rule }: Line, key: string): RuleState {
    const state = createState(rule);
    if (this.book && rule.endUs !== 0) (state as CalendarState).count = this.book.usedBefore(key);
    return state;
  }

  private keep({ line: { rule }, key }: Counted, units: number): void {
    if (this.book && rule.endUs !== 0) this.book.add(key, rule.endUs / 1000, units);
  }

  private open({ line, key }: Counted, now: number): Count {
    let count = this.counts.get(key);
    if (count === undefined) {
      count = { state: this.begin(line, key), idleAt: now + line.rule.horizonUs, isRecent: true };
      this.insert(key, count, now);
    }
    return count;
  }

  private commit(charges: readonly Charge[], verdicts: readonly Verdict[], now: number): void {
    let isNew = false;
    for (let i = 0; i < charges.length; i++) {
      const verdict = verdicts[i] as Verdict;
      if (!verdict.admitted) continue;
      const taking = charges[i] as Charge;
      const count = this.touched[i] as Count;
      charge(count.state, taking.line.rule, now, taking, verdict);
      if (!taking.isReserved) this.keep(taking, taking.cost);
      if (count.idleAt === 0) isNew = true;
      count.idleAt = now + Math.max(taking.line.rule.horizonUs, verdict.resetUs);
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

/** What a budget has counted; of no meaning for other states. */
function usedOf(state: RuleState): number {
  return 'held' in state ? state.count : 0;
}
