/** More than these are answered by taking everything for outdated. */
const MOST_MARKS = 50_000;

/**
 * Remembers what has changed, by name, so that whoever keeps something can tell on use whether it was read before the
 * change. Cheaper than searching what is kept at every change, and a reading that began before a change and ended after
 * it is told apart too.
 */
export class ChangeMarks {
  private readonly marks = new Map<string, number>();
  private count = 0;
  private floor = 0;

  /** To be noted before a reading begins. */
  get now(): number {
    return this.count;
  }

  add(name: string): void {
    this.count += 1;
    this.marks.set(name, this.count);
    if (this.marks.size > MOST_MARKS) this.addEverything();
  }

  addEverything(): void {
    this.count += 1;
    this.floor = this.count;
    this.marks.clear();
  }

  /** Whether any of the names has changed since `readAt`. */
  hasChanged(names: readonly string[], readAt: number): boolean {
    if (readAt < this.floor) return true;
    if (this.marks.size === 0) return false;
    for (const name of names) if ((this.marks.get(name) ?? 0) > readAt) return true;
    return false;
  }
}
