import type { BufferAccount, Unfinished } from './buffer-budget.ts';

/** The memory of one thing that is gathered piece by piece; until it is complete it may have to give way to others. */
export class Holding implements Unfinished {
  rosterIndex = -1;
  heldBytes = 0;
  readonly account: BufferAccount;
  private readonly onEvicted: () => void;

  constructor(account: BufferAccount, onEvicted: () => void) {
    this.account = account;
    this.onEvicted = onEvicted;
    account.budget.unfinished.add(this);
  }

  /** False, and nothing taken, when there is no room. */
  add(bytes: number): boolean {
    // It must not make room for itself.
    const { unfinished } = this.account.budget;
    unfinished.remove(this);
    const isHeld = this.account.take(bytes);
    unfinished.add(this);
    if (isHeld) this.heldBytes += bytes;
    return isHeld;
  }

  /** Nothing more is coming: what is held is needed now. */
  complete(): void {
    this.account.budget.unfinished.remove(this);
  }

  /** Gives all of it back. Safe to call twice. */
  release(): void {
    this.complete();
    this.account.giveBack(this.heldBytes);
    this.heldBytes = 0;
  }

  evict(): void {
    this.release();
    this.onEvicted();
  }
}
