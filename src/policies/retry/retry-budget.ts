const START_AND_CAP = 10;

/**
 * Keeps retries from multiplying an outage: a token bucket that every request fills by `percent` of a retry and every
 * retry empties by one. It starts full and never holds more than 10, so after n requests at most
 * n × percent / 100 + 10 retries have run.
 */
export class RetryBudget {
  /** In hundredths of a retry, so that whole percents add up without rounding. */
  private hundredths = START_AND_CAP * 100;
  private readonly percent: number;

  constructor(percent: number) {
    this.percent = percent;
  }

  /** Counts one request. */
  earn(): void {
    this.hundredths = Math.min(START_AND_CAP * 100, this.hundredths + this.percent);
  }

  /** Takes one retry out of the budget; false when there is none left. */
  spend(): boolean {
    if (this.hundredths < 100) return false;
    this.hundredths -= 100;
    return true;
  }
}
