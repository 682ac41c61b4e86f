/** How fast a client must deliver its body; 0 = off. */
export interface BodyPace {
  /** Milliseconds without a byte. */
  readonly idle: number;
  /** Bytes per second, over any 30 seconds of a body that has passed 64 KiB. */
  readonly bytesPerSecond: number;
}

export const DEFAULT_PACE: BodyPace = { idle: 10_000, bytesPerSecond: 1_000 };

/** Bodies up to here are small enough to come in one piece, or in any. */
const FREE_BYTES = 64 * 1024;
const STEP_MS = 10_000;
const STEPS = 3;

/** Measures a body in steps of ten seconds: three in a row are one interval. */
export class PaceMeter {
  private readonly bytesPerSecond: number;
  private bytes = 0;
  private stepBegan = -1;
  private stepBytes = 0;
  /** Bytes of the finished steps, the latest last. */
  private steps: number[] = [];

  constructor({ bytesPerSecond }: BodyPace) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Counts bytes that came at this time; false when the interval that has just ended was too slow. */
  count(bytes: number, now: number): boolean {
    this.bytes += bytes;
    if (this.bytes <= FREE_BYTES) return true;
    if (this.stepBegan === -1) this.stepBegan = now;
    while (now - this.stepBegan >= STEP_MS) {
      if (!this.endStep()) return false;
    }
    this.stepBytes += bytes;
    return true;
  }

  /** The client was not asked for more for so long. */
  excuse(ms: number): void {
    if (this.stepBegan !== -1) this.stepBegan += ms;
  }

  private endStep(): boolean {
    this.stepBegan += STEP_MS;
    this.steps.push(this.stepBytes);
    this.stepBytes = 0;
    if (this.steps.length < STEPS) return true;
    const total = this.steps.reduce((sum, each) => sum + each, 0);
    this.steps.shift();
    return total >= (this.bytesPerSecond * STEP_MS * STEPS) / 1_000;
  }
}
