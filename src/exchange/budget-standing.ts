/** What a caller may use in a day or a month, and what is left of it. */
export interface BudgetStanding {
  readonly name: string;
  readonly unit: 'requests' | 'tokens' | 'cost_usd';
  /** In requests, tokens or dollars, as the next two are. */
  readonly limit: number;
  /** What running requests have reserved is in it. */
  readonly used: number;
  readonly remaining: number;
  /** Epoch milliseconds. */
  readonly resetsAt: number;
}
