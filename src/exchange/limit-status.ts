/** Where the tightest limit of a request stands after the decision; rendered as headers by the route's dialect. */
export interface LimitStatus {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until the limit has fully recovered. */
  readonly resetMs: number;
  /** Window length in milliseconds. */
  readonly windowMs: number;
  /** Name of the line, a closed vocabulary built from the configuration; used as metric label. */
  readonly name: string;
}
