import type { Charge, Decision } from './counter-store.ts';
import type { Line } from './line.ts';
import type { Verdict } from './rules/rule.ts';

interface Denial {
  /** The end of the wait that was announced. */
  readonly until: number;
  /** Where units may be given back, the store is asked again before that. */
  readonly certainUntil: number;
  readonly resetAt: number;
  /** The number refused by: when it is edited, the denial is void. */
  readonly limit: number;
}

const MOST_DENIALS = 50_000;
const UNCERTAIN_AFTER_US = 1_000_000;

/**
 * Remembers who was refused until when, so that a caller that keeps knocking costs no trip to a store. A denial is
 * certain until its time, unless others hold units that they may give back: then for a second. Bounded memory, oldest
 * first out.
 */
export class DenialCache {
  private readonly denials = new Map<string, Denial>();
  private readonly nowUs: () => number;
  private readonly isLending: boolean;

  /** `nowUs` must only ever grow. `isLending`: units are taken in advance, and come back. */
  constructor(nowUs: () => number, isLending = false) {
    this.nowUs = nowUs;
    this.isLending = isLending;
  }

  get isEmpty(): boolean {
    return this.denials.size === 0;
  }

  /** The refusal that still applies to one of the charges. */
  find(charges: readonly Charge[]): Decision | undefined {
    if (this.denials.size === 0) return undefined;
    let verdicts: (Verdict | undefined)[] | undefined;
    const now = this.nowUs();
    for (let i = 0; i < charges.length; i++) {
      const verdict = this.findOne(charges[i] as Charge, now);
      if (verdict) (verdicts ??= Array<Verdict | undefined>(charges.length).fill(undefined))[i] = verdict;
    }
    return verdicts && { outcome: 'refused', verdicts };
  }

  /** Keeps what a store has just refused. */
  keep(charges: readonly Charge[], decision: Decision): void {
    if (decision.outcome !== 'refused') return;
    const now = this.nowUs();
    for (let i = 0; i < charges.length; i++) {
      const { line, key } = charges[i] as Charge;
      const verdict = decision.verdicts[i];
      // A refusal of a large charge says nothing about a small one.
      if (!verdict || verdict.admitted || line.isDryRun || line.unit !== 'requests') continue;
      this.denials.delete(key);
      this.denials.set(key, this.makeDenial(line, verdict, now));
    }
    while (this.denials.size > MOST_DENIALS) this.denials.delete(this.denials.keys().next().value as string);
  }

  forget(key: string): void {
    this.denials.delete(key);
  }

  clear(): void {
    this.denials.clear();
  }

  private makeDenial({ rule, lease }: Line, verdict: Verdict, now: number): Denial {
    const mayReturn = this.isLending && (Number.isFinite(lease.from) || rule.algorithm === 'calendar');
    return {
      until: now + verdict.retryUs,
      certainUntil: now + (mayReturn ? Math.min(verdict.retryUs, UNCERTAIN_AFTER_US) : verdict.retryUs),
      resetAt: now + verdict.resetUs,
      limit: rule.limit,
    };
  }

  private findOne({ line, key }: Charge, now: number): Verdict | undefined {
    const denial = this.denials.get(key);
    if (!denial) return undefined;
    if (denial.certainUntil <= now || denial.limit !== line.rule.limit) {
      this.denials.delete(key);
      return undefined;
    }
    return { admitted: false, remaining: 0, resetUs: denial.resetAt - now, retryUs: denial.until - now };
  }
}
