import { type Listed, Roster } from '../lib/roster.ts';

/** Accounts without bytes are forgotten once so many of them exist. */
const ACCOUNTS_BEFORE_SWEEP = 1_024;
/** Holders looked at to find one who holds much. */
const MOST_LOOKED_AT = 256;
/** Holders that give way to one piece. */
const MOST_EVICTED = 8;

/** Memory that is being filled. */
export interface Unfinished extends Listed {
  readonly account: BufferAccount;
  readonly heldBytes: number;
  /** Gives its bytes back at once and fails. */
  evict(): void;
}

/**
 * An allowance of memory that many callers share. Whoever buffers takes from it first and gives back when done, so that
 * no number of uploads can exhaust the heap.
 *
 * One caller gets at most `callerShare` percent of it, and less while others hold some: as much as is free, in the
 * proportion of the share (50 %: exactly as much). Where many callers have filled it all the same, what is still being
 * gathered for those who hold much gives way to those who hold little. With 100 % the first who comes may take
 * everything that others do not hold yet.
 */
export class BufferBudget {
  /** What may be given up, because its bytes are still on their way. */
  readonly unfinished = new Roster<Unfinished>();
  readonly limit: number;
  private readonly perFree: number;
  private readonly accounts = new Map<string, BufferAccount>();
  private sweepAt = ACCOUNTS_BEFORE_SWEEP;
  private used = 0;

  constructor(limit: number, callerShare = 100) {
    this.limit = limit;
    this.perFree = callerShare >= 100 ? Number.POSITIVE_INFINITY : callerShare / (100 - callerShare);
  }

  get usedBytes(): number {
    return this.used;
  }

  /** The account of one caller, address group or other payer. */
  accountOf(payer: string): BufferAccount {
    const known = this.accounts.get(payer);
    if (known) return known;
    if (this.accounts.size >= this.sweepAt) this.sweep();
    const account = new BufferAccount(this);
    this.accounts.set(payer, account);
    return account;
  }

  /** False, and nothing taken, when the budget or the share of the payer who holds `held` would be exceeded. */
  admit(bytes: number, held: number): boolean {
    const free = this.limit - this.used - bytes;
    if (free < 0 || (held + bytes > free * this.perFree && this.perFree !== Number.POSITIVE_INFINITY)) return false;
    this.used += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.used -= bytes;
  }

  /** Ends something of a payer who holds more than twice as much as `bytes`; false when there is none. */
  makeRoom(bytes: number): boolean {
    const { size } = this.unfinished;
    const start = Math.floor(Math.random() * size);
    let largest: Unfinished | undefined;
    for (let i = 0; i < Math.min(size, MOST_LOOKED_AT); i++) {
      const each = this.unfinished.at((start + i) % size);
      if (each && each.heldBytes > 0 && (!largest || each.account.heldBytes > largest.account.heldBytes))
        largest = each;
    }
    if (!largest || largest.account.heldBytes <= 2 * bytes) return false;
    largest.evict();
    return true;
  }

  private sweep(): void {
    for (const [payer, { heldBytes }] of this.accounts) if (heldBytes === 0) this.accounts.delete(payer);
    this.sweepAt = Math.max(ACCOUNTS_BEFORE_SWEEP, 2 * this.accounts.size);
  }
}

/** What one payer holds of a budget. */
export class BufferAccount {
  heldBytes = 0;
  readonly budget: BufferBudget;

  constructor(budget: BufferBudget) {
    this.budget = budget;
  }

  /** False, and nothing taken, when there is no room for it. */
  take(bytes: number): boolean {
    for (let tries = 0; !this.budget.admit(bytes, this.heldBytes); tries++)
      if (tries === MOST_EVICTED || !this.budget.makeRoom(this.heldBytes + bytes)) return false;
    this.heldBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.heldBytes -= bytes;
    this.budget.giveBack(bytes);
  }
}
