import type { AddressSet } from '../lib/address-set.ts';

/** The limits written at one level above the route: on a consumer or on a key. The tier's stand in the configuration. */
export interface LimitLevel {
  readonly level: 'consumer' | 'key';
  /** Id of the consumer or key the limits are written on: part of the counter's key. */
  readonly id: string;
  /** The long form of `rate_limit`, as validated by the limits policy's schema. */
  readonly rate_limit: { readonly limits: readonly unknown[] };
  /** The list form of `budget`, validated likewise. */
  readonly budget?: readonly unknown[] | undefined;
}

/** What a caller may do: what its consumer may, narrowed by the credential it came with. */
export interface Rights {
  /** `resource:action`; a `*` at the end stands for any rest, so `['*']` is everything and `[]` nothing. */
  readonly permissions: readonly string[];
  /** Names of models, with `*` at the end as above; `undefined` = not narrowed, as in the fields below. */
  readonly models: readonly string[] | undefined;
  /** Names of routes. */
  readonly routes: readonly string[] | undefined;
  /** Client addresses the credential may be used from. */
  readonly addresses: AddressSet | undefined;
}

/** A value that came with a token and that the configuration gives a meaning to. */
export type ClaimValue = string | number | boolean | readonly string[];

/** The result of authentication for one request. Frozen and shared by every request of the same credential. */
export interface Principal extends Rights {
  readonly consumer: {
    readonly id: string;
    readonly name: string;
    readonly tier: string | undefined;
  };
  readonly credential: {
    readonly kind: 'api_key' | 'token';
    /** Id of the key, or the token's `jti`. */
    readonly id: string;
    /** Safe to log: the key's public prefix, e.g. `sk_live_4Kd8s0aP`. */
    readonly prefix: string;
    /** First 8 hex digits of the SHA-256 of the credential: correlates log lines without revealing anything. */
    readonly hashPrefix: string;
    /** The login a token belongs to. */
    readonly family?: string | undefined;
  };
  /** Line of business. */
  readonly lob: string | undefined;
  /** Mapped claims only, by the names the configuration gives them; empty for keys. */
  readonly claims: Readonly<Record<string, ClaimValue>>;
  /** Epoch milliseconds; `undefined` = never. */
  readonly expiresAt: number | undefined;
  /** Limits written on the consumer and on the key; empty for most. */
  readonly limits: readonly LimitLevel[];
}

/** The rights of a caller nobody has narrowed. */
export const UNBOUNDED: Rights = Object.freeze({
  permissions: Object.freeze(['*']),
  models: undefined,
  routes: undefined,
  addresses: undefined,
});
