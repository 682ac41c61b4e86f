/** A figure that is not refreshed counts half after this long, so that a target that was once slow is tried again. */
const HALF_LIFE_MS = 30_000;
/** The weight of a new measurement. */
const WEIGHT = 1 / 5;

/** How long something has been taking to begin its answers. Times are monotonic milliseconds. */
export class LatencyAverage {
  /** Moving average in milliseconds; 0 before the first figure. */
  ms = 0;
  private at = Number.NEGATIVE_INFINITY;

  note(ms: number, now: number): void {
    this.ms = this.ms === 0 ? ms : this.ms + (ms - this.ms) * WEIGHT;
    this.at = now;
  }

  /** A request is measuring now: until its answer is in, others use the earlier figure. */
  startTrial(now: number): void {
    this.at = now;
  }

  /**
   * What to expect at `now`: the average, halved for every 30 s it has not been refreshed. Where nothing is known it is 0,
   * but infinite while a trial runs.
   */
  expectedMs(now: number): number {
    if (this.ms === 0) return now - this.at < HALF_LIFE_MS ? Number.POSITIVE_INFINITY : 0;
    return this.ms * 2 ** ((this.at - now) / HALF_LIFE_MS);
  }
}
