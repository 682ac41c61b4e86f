import type { Correction, Counted, LeaseGrant } from './counter-store.ts';
import type { LeaseTerms } from './lease-terms.ts';
import { Purse } from './purse.ts';

/** Beyond this number in use, older purses are dropped; their units are still returned in time. */
const MOST_PURSES = 20_000;

/** The purses of a process, found by the key of their count. Bounded. */
export class Purses {
  private recent = new Map<string, Purse>();
  private older = new Map<string, Purse>();
  /** Those with something in them, or to give back. */
  private readonly filled = new Set<Purse>();

  get areEmpty(): boolean {
    return this.filled.size === 0;
  }

  find(key: string): Purse | undefined {
    const purse = this.recent.get(key);
    if (purse !== undefined) return purse;
    const old = this.older.get(key);
    if (old !== undefined) this.insert(old);
    return old;
  }

  open(counted: Counted, terms: LeaseTerms): Purse {
    const purse = new Purse(counted, terms);
    this.insert(purse);
    return purse;
  }

  fill(purse: Purse, grant: LeaseGrant, now: number): void {
    purse.keep(grant, now);
    if (!purse.isEmpty) this.filled.add(purse);
  }

  /** Unused units, to be returned. */
  collect(now: number): Correction[] {
    const returned: Correction[] = [];
    for (const purse of this.filled) {
      for (const correction of purse.expire(now)) returned.push(correction);
      if (purse.isEmpty) this.filled.delete(purse);
    }
    return returned;
  }

  /** Everything that is held, to be given back. */
  empty(): Correction[] {
    const returned = [...this.filled].flatMap((purse) => purse.empty());
    this.filled.clear();
    return returned;
  }

  private insert(purse: Purse): void {
    if (this.recent.size >= MOST_PURSES) {
      this.older = this.recent;
      this.recent = new Map();
    }
    this.recent.set(purse.key, purse);
  }
}
