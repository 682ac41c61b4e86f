/** The limits written at one level above the route: on a consumer or on a key. */
export interface LimitLevel {
  readonly level: 'consumer' | 'key';
  /** Id of the consumer or key the limits are written on: part of the counter's key. */
  readonly id: string;
  /** The long form of `rate_limit`, as validated by the limits policy's schema. */
  readonly rate_limit: { readonly limits: readonly unknown[] };
}

/** The result of authentication for one request. Frozen and shared by every request of the same credential. */
export interface Principal {
  readonly consumer: {
    readonly id: string;
    readonly name: string;
    readonly tier: string | undefined;
  };
  readonly credential: {
    readonly kind: 'api_key';
    readonly id: string;
    /** Safe to log: the key's public prefix, e.g. `sk_live_4Kd8s0aP`. */
    readonly prefix: string;
    /** First 8 hex digits of the SHA-256 of the key: correlates log lines without revealing anything. */
    readonly hashPrefix: string;
  };
  /** `undefined` = not narrowed. */
  readonly scopes: readonly string[] | undefined;
  /** Epoch milliseconds; `undefined` = never. */
  readonly expiresAt: number | undefined;
  /** Limits written on the consumer and on the key; empty for most. */
  readonly limits: readonly LimitLevel[];
}
