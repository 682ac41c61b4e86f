import type { Charge, Decision } from './counter-store.ts';
import type { Line } from './line.ts';
import { MemoryCounters } from './memory-counters.ts';
import type { Rule } from './rules/rule.ts';
import { charge, weigh } from './rules/step.ts';

/** How many processes share the limits, and which of them this one is, from 0. */
export interface FleetPlace {
  readonly size: number;
  readonly rank: number;
}

interface Remainder {
  remaining: number;
  at: number;
}

const MOST_REMAINDERS = 50_000;

/**
 * Limits while the shared store is away: this process admits its share of each, beginning with its share of what was
 * left when the store was last heard, and refilling. The shares of all processes add up to the limit.
 */
export class LocalShare {
  private readonly counters: MemoryCounters;
  private readonly nowUs: () => number;
  /** What is left by key; when `recent` is full it becomes `older`, whose predecessor is forgotten. */
  private recent = new Map<string, Remainder>();
  private older = new Map<string, Remainder>();
  /** Lines of one caller go when the caller is forgotten. */
  private scaled = new WeakMap<Line, Line>();

  constructor(nowUs: () => number) {
    this.nowUs = nowUs;
    this.counters = new MemoryCounters({ nowUs });
  }

  /** Notes what the shared store has just said. */
  note(charges: readonly Charge[], { verdicts }: Decision): void {
    const at = this.nowUs();
    for (let i = 0; i < charges.length; i++) {
      const verdict = verdicts[i];
      if (verdict) this.noteOne((charges[i] as Charge).key, verdict.remaining, at);
    }
  }

  /** Whether the store has said how much is left of a count. */
  knows(key: string): boolean {
    return this.recent.has(key) || this.older.has(key);
  }

  decide(charges: readonly Charge[], fleet: FleetPlace): Decision {
    const own = charges.map((shared) => ({ ...shared, line: this.scale(shared.line, fleet) }));
    for (let i = 0; i < own.length; i++) this.seed(charges[i] as Charge, own[i] as Charge, fleet);
    return this.counters.decide(own);
  }

  /** Forgets what was counted here: the shared store is back. */
  clear(): void {
    this.counters.clear();
    this.scaled = new WeakMap();
  }

  private noteOne(key: string, remaining: number, at: number): void {
    const known = this.recent.get(key);
    if (known) {
      known.remaining = remaining;
      known.at = at;
      return;
    }
    if (this.recent.size >= MOST_REMAINDERS) {
      this.older = this.recent;
      this.recent = new Map();
    }
    this.recent.set(key, { remaining, at });
  }

  private scale(line: Line, fleet: FleetPlace): Line {
    let scaled = this.scaled.get(line);
    if (!scaled) this.scaled.set(line, (scaled = { ...line, rule: scaleRule(line.rule, fleet) }));
    return scaled;
  }

  /** A count begins as if what this process may not have was spent when the store was last heard. */
  private seed(shared: Charge, own: Charge, fleet: FleetPlace): void {
    const known = this.recent.get(shared.key) ?? this.older.get(shared.key);
    if (!known) return;
    const { rule } = own.line;
    const spent = rule.capacity - Math.min(rule.capacity, takeShare(known.remaining, fleet));
    if (spent <= 0) return;
    this.counters.seed(own, (state) =>
      charge(state, rule, known.at, { cost: spent }, weigh(state, rule, known.at, spent)),
    );
  }
}

function scaleRule(rule: Rule, fleet: FleetPlace): Rule {
  const limit = takeShare(rule.limit, fleet);
  const capacity = takeShare(rule.capacity, fleet);
  if (rule.algorithm !== 'token_bucket') return { ...rule, limit, capacity };
  // The rate shrinks by stretching its time, which keeps it exact, unless the numbers would grow too big for that.
  const stretched = rule.gainUs * fleet.size;
  const isExact = (rule.gain + 1) * stretched <= Number.MAX_SAFE_INTEGER;
  const gain = isExact ? rule.gain : Math.max(1, Math.floor(rule.gain / fleet.size));
  const gainUs = isExact ? stretched : rule.gainUs;
  return { ...rule, limit, capacity, gain, gainUs, horizonUs: Math.ceil((capacity * 1000) / gain) * gainUs };
}

/** Equal parts; the first processes take one more each until nothing is left over. */
function takeShare(amount: number, { size, rank }: FleetPlace): number {
  return Math.floor(amount / size) + (rank < amount % size ? 1 : 0);
}
