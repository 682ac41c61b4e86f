/** What the limits took for a request before it was known what it would use. Each is called at most once, in all. */
export interface ChargeReceipt {
  /** Replaces what was reserved by what was used. */
  settle(used: { readonly tokens: number; readonly costNanoUsd: number }): void;
  /** Gives back the tokens and the money, or the request itself too. */
  refund(what: 'usage' | 'all'): void;
}
