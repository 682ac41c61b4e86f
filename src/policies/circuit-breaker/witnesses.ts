/** Who calls, as far as a circuit wants to know. */
export interface BreakerCaller {
  readonly payer: string;
}

/** `isPlain`: no connection came about, which no request can bring about. */
export interface SeenFailure {
  readonly caller: BreakerCaller;
  readonly isPlain: boolean;
}

/**
 * Who has seen a target fail lately. An answer of 5xx or a wait without an answer may be due to the request: a caller
 * who sends many such requests must not close the target for others. Constant in size. Times are monotonic milliseconds.
 */
export class Witnesses {
  private readonly windowMs: number;
  private latest: string | undefined;
  private latestAt = Number.NEGATIVE_INFINITY;
  /** When the target was last known to fail for more than one caller. */
  private sharedAt = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  note({ caller: { payer }, isPlain }: SeenFailure, now: number): void {
    const isSecond = payer !== this.latest && now - this.latestAt <= this.windowMs;
    if (isPlain || isSecond) this.sharedAt = now;
    this.latest = payer;
    this.latestAt = now;
  }

  /** The one caller who has seen all failures of the window; `undefined` when there were several, or it was plain. */
  sole(now: number): string | undefined {
    return now - this.sharedAt <= this.windowMs ? undefined : this.latest;
  }
}
