/**
 * The process-wide allowance for request bodies held in memory (`settings.limits.buffered_bytes`). Whoever buffers
 * takes from it first and gives back when done, so that no number of uploads can exhaust the heap.
 */
export class BufferBudget {
  readonly limit: number;
  private used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** False, and nothing taken, when the allowance would be exceeded. */
  take(bytes: number): boolean {
    if (this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.used -= bytes;
  }

  get usedBytes(): number {
    return this.used;
  }
}
