import type { Correction, Counted, LeaseGrant } from './counter-store.ts';
import type { LeaseTerms } from './lease-terms.ts';
import type { Line } from './line.ts';
import type { Verdict } from './rules/rule.ts';

/** Units taken in advance together. */
export interface Lot {
  units: number;
  readonly expiresAt: number;
  readonly at: number;
  /** No longer in its purse: what comes back to it has to go back to the store. */
  isGone: boolean;
}

/** Units requested beyond the expected use: running out costs a wait, and too many cost only a return. */
const HEADROOM = 1.1;
/** When this part of the units, or of their life, is left, more are asked for. */
const RESERVE = 0.25;
/** Parts of a life for which units may lie untouched before they go back. */
const IDLE = 0.5;

/**
 * What this process holds of one count, and how fast it uses it. Times are the process's own microseconds, and never go
 * back. Holds at most two lots: the one in use, and the one that was asked for before that runs out.
 */
export class Purse implements Counted {
  readonly line: Line;
  readonly key: string;
  /** An answer of the store is under way. */
  isAsking = false;
  /** Requests that wait for the next call to the store, and how much they need. */
  asking: { need: number; readonly answer: Promise<LeaseGrant | undefined> } | undefined;
  readonly terms: LeaseTerms;
  private lot: Lot | undefined;
  private spare: Lot | undefined;
  /** As the store said last. */
  private remaining = 0;
  private resetAt = 0;
  private readonly leftovers: Correction[] = [];
  private askAfter = 0;
  /** More are asked for when fewer units are left, or after that time. */
  private fewUnits = 0;
  private lateFrom = 0;
  private periodFrom = 0;
  private usedBefore = 0;
  private used = 0;
  private touchedAt = 0;

  constructor({ line, key }: Counted, terms: LeaseTerms) {
    this.line = line;
    this.key = key;
    this.terms = terms;
  }

  get isEmpty(): boolean {
    return this.lot === undefined && this.leftovers.length === 0;
  }

  get held(): number {
    return (this.lot?.units ?? 0) + (this.spare?.units ?? 0);
  }

  /** Whether the held units were counted under the same rule. */
  isFor(line: Line): boolean {
    if (line === this.line) return true;
    const { rule, lease } = this.line;
    return line.rule.limit === rule.limit && line.rule.capacity === rule.capacity && line.lease.from === lease.from;
  }

  /** Notes that a request wants so many. */
  count(cost: number, now: number): void {
    const elapsed = now - this.periodFrom;
    this.touchedAt = now;
    if (elapsed >= this.terms.lifeUs) {
      const isNext = elapsed < 2 * this.terms.lifeUs;
      this.usedBefore = isNext ? this.used : 0;
      this.periodFrom = isNext ? this.periodFrom + this.terms.lifeUs : now;
      this.used = 0;
    }
    this.used += cost;
  }

  /** Takes the units out of one lot, which it returns, or takes nothing. */
  take(cost: number, now: number): Lot | undefined {
    let { lot } = this;
    if (lot === undefined) return undefined;
    if (lot.units < cost || lot.expiresAt <= now) {
      this.drop((any) => any.units === 0 || any.expiresAt <= now);
      lot = [this.lot, this.spare].find((any) => any !== undefined && any.units >= cost);
      if (lot === undefined) return undefined;
    }
    lot.units -= cost;
    return lot;
  }

  holds(cost: number, now: number): boolean {
    const { lot, spare } = this;
    return (
      (lot !== undefined && lot.units >= cost && lot.expiresAt > now) ||
      (spare !== undefined && spare.units >= cost && spare.expiresAt > now)
    );
  }

  /** Units to ask for now, or 0. */
  findWanted(now: number): number {
    if (this.isAsking || now < this.askAfter || this.spare !== undefined) return 0;
    const { lot } = this;
    if (lot !== undefined && lot.units >= this.fewUnits && now < this.lateFrom) return 0;
    const expected = this.expect(now);
    if (expected < this.terms.from) return 0;
    return Math.max(1, Math.ceil(expected * HEADROOM) - (lot !== undefined && lot.expiresAt > now ? lot.units : 0));
  }

  /** Notes the state of the count in the store. */
  hear({ remaining, resetUs }: Verdict, now: number): void {
    this.remaining = remaining;
    this.resetAt = now + resetUs;
  }

  /** Keeps what the store gave. */
  keep(grant: LeaseGrant, now: number): void {
    const { units, expiresAt, at, verdict } = grant;
    this.hear(verdict, now);
    if (units === 0) {
      this.askAfter = now + this.terms.lifeUs;
      return;
    }
    this.drop((lot) => lot.units === 0 || lot.expiresAt <= now || (lot === this.lot && this.spare !== undefined));
    const lot: Lot = { units, expiresAt, at, isGone: false };
    if (this.lot === undefined) this.lot = lot;
    else this.spare = lot;
    this.fewUnits = (this.lot.units + (this.spare?.units ?? 0)) * RESERVE;
    this.lateFrom = expiresAt - this.terms.lifeUs * RESERVE;
  }

  /** Units to return: their time is over, or no request uses them. */
  expire(now: number): Correction[] {
    const { lot, spare } = this;
    const isIdle = now - this.touchedAt > this.terms.lifeUs * IDLE;
    const isOver = (lot && lot.expiresAt <= now) || (spare && spare.expiresAt <= now);
    if (isIdle || isOver) this.drop((any) => isIdle || any.expiresAt <= now);
    return this.leftovers.splice(0);
  }

  /** Everything, to be given back. */
  empty(): Correction[] {
    this.drop(() => true);
    return this.leftovers.splice(0);
  }

  /** The verdict for a charge from held units. If other processes count too, `remaining` is as old as the lease. */
  describe(now: number): Verdict {
    const { rule } = this.line;
    const resetUs = Math.max(0, this.resetAt - now);
    return {
      admitted: true,
      remaining: this.remaining + this.held,
      // Held units count as used later than now. This is internal to the accounting and hidden from callers.
      resetUs: rule.algorithm === 'sliding_window' ? rule.windowUs : resetUs,
      retryUs: 0,
    };
  }

  /** What one life will probably need: as much as the last, or as this one so far, which may double. */
  private expect(now: number): number {
    const elapsed = Math.max(1, now - this.periodFrom);
    const pace = Math.min(2 * this.used, (this.used * this.terms.lifeUs) / elapsed);
    return Math.max(this.usedBefore, pace);
  }

  private drop(isOut: (lot: Lot) => boolean): void {
    const kept: Lot[] = [];
    for (const lot of [this.lot, this.spare]) {
      if (lot === undefined) continue;
      lot.isGone = isOut(lot);
      if (!lot.isGone) kept.push(lot);
      else if (lot.units > 0) this.leftovers.push({ line: this.line, key: this.key, units: -lot.units, at: lot.at });
    }
    [this.lot, this.spare] = kept;
  }
}
