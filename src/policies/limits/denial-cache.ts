import type { Charge, Decision } from './counter-store.ts';
import type { Verdict } from './rule.ts';

interface Denial {
  readonly until: number;
  readonly resetAt: number;
  /** The number refused by: when it is edited, the denial is void. */
  readonly limit: number;
}

const MOST_DENIALS = 50_000;

/**
 * Remembers who was refused until when, so that a caller that keeps knocking costs no trip to a store. A denial is
 * certain until its time: nothing else can be admitted on an exhausted line before. Bounded memory, oldest first out.
 */
export class DenialCache {
  private readonly denials = new Map<string, Denial>();
  private readonly nowUs: () => number;

  /** `nowUs` must only ever grow. */
  constructor(nowUs: () => number) {
    this.nowUs = nowUs;
  }

  get isEmpty(): boolean {
    return this.denials.size === 0;
  }

  /** The refusal that still stands for one of the charges. */
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
      if (!verdict || verdict.admitted || line.isDryRun) continue;
      this.denials.delete(key);
      this.denials.set(key, { until: now + verdict.retryUs, resetAt: now + verdict.resetUs, limit: line.rule.limit });
    }
    while (this.denials.size > MOST_DENIALS) this.denials.delete(this.denials.keys().next().value as string);
  }

  clear(): void {
    this.denials.clear();
  }

  private findOne({ line, key }: Charge, now: number): Verdict | undefined {
    const denial = this.denials.get(key);
    if (!denial) return undefined;
    if (denial.until <= now || denial.limit !== line.rule.limit) {
      this.denials.delete(key);
      return undefined;
    }
    return { admitted: false, remaining: 0, resetUs: denial.resetAt - now, retryUs: denial.until - now };
  }
}
