/** Carries its own place in a roster; -1 while it is in none. */
export interface Listed {
  rosterIndex: number;
}

/**
 * A set for things that come and go thousands of times a second. A `Set` that is added to and deleted from all day
 * abandons its table each time it fills with holes, and V8 links every abandoned table to its successor: once one of
 * them has reached the old generation, all that ever passed through stays in memory until a full collection.
 */
export class Roster<T extends Listed> {
  private readonly items: T[] = [];

  get size(): number {
    return this.items.length;
  }

  add(item: T): void {
    if (item.rosterIndex !== -1) return;
    item.rosterIndex = this.items.length;
    this.items.push(item);
  }

  /** The last one takes the place of the one that leaves. */
  remove(item: T): void {
    const { rosterIndex } = item;
    if (rosterIndex === -1) return;
    const last = this.items.pop() as T;
    if (last !== item) {
      this.items[rosterIndex] = last;
      last.rosterIndex = rosterIndex;
    }
    item.rosterIndex = -1;
  }

  at(index: number): T | undefined {
    return this.items[index];
  }

  /** A copy, so that the caller may remove items while it iterates. */
  list(): T[] {
    return this.items.slice();
  }

  /** Backwards, so that `visit` may remove the item it is given. */
  forEach(visit: (item: T) => void): void {
    for (let i = this.items.length - 1; i >= 0; i--) {
      const item = this.items[i];
      if (item) visit(item);
    }
  }
}
