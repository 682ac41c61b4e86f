/**
 * Counters and histograms that cost nanoseconds to feed. The metrics library hashes the label set on every
 * observation (0.2 to 0.4 µs each, bound children included); these leave all of that to the scrape.
 */

/** A number per key of a closed vocabulary. */
export class Tally<Key extends string | number> {
  private readonly cells = new Map<Key, { value: number }>();

  add(key: Key): void {
    const cell = this.cells.get(key);
    if (cell) cell.value += 1;
    else this.cells.set(key, { value: 1 });
  }

  set(key: Key, value: number): void {
    const cell = this.cells.get(key);
    if (cell) cell.value = value;
    else this.cells.set(key, { value });
  }

  get size(): number {
    return this.cells.size;
  }

  has(key: Key): boolean {
    return this.cells.has(key);
  }

  clear(): void {
    this.cells.clear();
  }

  keep(keys: ReadonlySet<Key>): void {
    for (const key of this.cells.keys()) if (!keys.has(key)) this.cells.delete(key);
  }

  /** Exposition lines; `labelsOf` gives the inside of the braces. */
  lines(name: string, labelsOf: (key: Key) => string): string[] {
    return [...this.cells].map(([key, { value }]) => `${name}{${labelsOf(key)}} ${value}`);
  }
}

/** A cumulative histogram over fixed, ascending upper bounds. */
export class Histogram {
  private readonly bounds: readonly number[];
  /** Observations per bucket, not yet cumulated; the last one is `+Inf`. */
  private readonly counts: Float64Array;
  private sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    counts[bucket] = (counts[bucket] as number) + 1;
    this.sum += value;
  }

  /** How many observations there were. */
  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Takes over all observations of another one with the same bounds. */
  merge(other: Histogram): void {
    for (let bucket = 0; bucket < this.counts.length; bucket += 1) {
      this.counts[bucket] = (this.counts[bucket] as number) + (other.counts[bucket] as number);
    }
    this.sum += other.sum;
  }

  /** Exposition lines: cumulated buckets, sum and count. `labels` is the inside of the braces. */
  lines(name: string, labels: string): string[] {
    const lines: string[] = [];
    let total = 0;
    for (let bucket = 0; bucket < this.counts.length; bucket += 1) {
      total += this.counts[bucket] as number;
      const bound = bucket < this.bounds.length ? this.bounds[bucket] : '+Inf';
      lines.push(`${name}_bucket{${labels}${labels && ','}le="${bound}"} ${total}`);
    }
    const braced = labels && `{${labels}}`;
    lines.push(`${name}_sum${braced} ${this.sum}`, `${name}_count${braced} ${total}`);
    return lines;
  }
}
