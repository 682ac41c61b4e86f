import type { Exchange } from '../exchange/exchange.ts';
import type { Target } from './targets.ts';

/**
 * Why an attempt brought no answer. `sent` on the failure completes it: a failure that is provably unsent may be
 * repeated for any method.
 */
export type FailureKind =
  | 'refused' // connection refused or unreachable
  | 'dns'
  | 'tls'
  | 'connect_timeout'
  | 'reset' // connection lost before the response headers were complete
  | 'write_timeout' // the upstream did not take the request
  | 'first_byte_timeout'
  | 'total_timeout'
  | 'invalid_response' // not HTTP, bad framing, unsolicited upgrade
  | 'head_too_large' // more headers than the gateway reads
  | 'overloaded' // the target's connection cap is reached; local, says nothing about the target
  | 'circuit_open' // refused by the target's breaker; local
  | 'client_aborted'
  | 'request_body' // the client's body failed (`exchange.body.rejection` says how); local
  | 'internal'; // the gateway built a request that cannot be sent: a bug of ours; local

/** The failure of one attempt. Never leaves the gateway as it is: `upstream/classify.ts` turns it into a rejection. */
export class UpstreamFailure extends Error {
  readonly kind: FailureKind;
  /** False when not one byte of the request can have reached the upstream. */
  readonly sent: boolean;

  constructor(kind: FailureKind, sent: boolean, cause?: unknown) {
    super(`upstream ${kind}`, { cause });
    this.name = 'UpstreamFailure';
    this.kind = kind;
    this.sent = sent;
  }
}

/** The upstream's response head, with its body held back until somebody takes it. Take it exactly once. */
export interface Answer {
  readonly target: Target;
  readonly status: number;
  /** name, value, name, value … as received, latin1. */
  readonly headers: readonly string[];
  /** Calls back once if the body breaks off on the upstream's side after the head. */
  onBroken(listener: () => void): void;
  /** Writes this head and the upstream's body to the client; false when the upstream died before anything was sent. */
  deliver(headers: string[]): boolean;
  /**
   * The whole body, instead of delivering it. Rejects with `UpstreamFailure`: `reset` when it breaks off,
   * `invalid_response` past `maxBytes`, `total_timeout` when it stalls.
   */
  collect(maxBytes: number): Promise<Buffer>;
  /** Drops the body and frees the connection, so that another attempt may follow. */
  discard(): void;
}

/** One try at one target. Rejects with `UpstreamFailure` only. */
export type Attempt = (exchange: Exchange, target: Target) => Promise<Answer>;

/** As many tries as the service's policies allow. Rejects with `UpstreamFailure` or `GatewayError`. */
export type Send = (exchange: Exchange) => Promise<Answer>;
