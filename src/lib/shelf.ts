/**
 * Keeps state that must outlive a reload (breakers, slots, pools), keyed by what it depends on: whoever asks with the
 * same key gets the same object. What a new configuration no longer asks for is dropped by `sweep`.
 */
export class Shelf {
  private kept = new Map<string, unknown>();
  private asked = new Set<string>();

  /** One key always stands for one type: the key begins with the name of the owner. */
  keep<T>(key: string, make: () => T): T {
    this.asked.add(key);
    if (!this.kept.has(key)) this.kept.set(key, make());
    return this.kept.get(key) as T;
  }

  /** Forgets everything that has not been asked for since the last sweep, and returns it for closing. */
  sweep(): unknown[] {
    const dropped: unknown[] = [];
    for (const [key, value] of this.kept) {
      if (this.asked.has(key)) continue;
      this.kept.delete(key);
      dropped.push(value);
    }
    this.asked = new Set();
    return dropped;
  }
}
