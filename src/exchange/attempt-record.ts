/** How one try at one target ended; written by the upstream side, read once by the observer. */
export interface AttemptRecord {
  readonly target: string;
  /** The model that was asked, on requests to one. */
  readonly model?: string | undefined;
  /** Milliseconds from dispatch to response headers or failure. */
  readonly durationMs: number;
  /** Status of the upstream's answer, when there was one. */
  readonly status: number | undefined;
  /** A short closed word (`refused`, `reset`, `timeout` …) when the attempt failed. */
  readonly failure: string | undefined;
}
