// What limits and budgets leave on an exchange.

/** What the limits took for a request before it was known what it would use. Each is called at most once, in all. */
export interface ChargeReceipt {
  /** Replaces what was reserved by what was used. */
  settle(used: { readonly tokens: number; readonly costNanoUsd: number }): void;
  /** Gives back the tokens and the money, or the request itself too. */
  refund(what: 'usage' | 'all'): void;
}

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
