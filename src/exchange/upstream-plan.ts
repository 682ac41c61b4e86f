import type { Timeouts } from './deadline.ts';
import type { Exchange } from './exchange.ts';

/** What the header and path rules need to know of a target. */
export interface TargetAddress {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Host and port as they stand in a `Host` line. */
  readonly authority: string;
  readonly basePath: string;
  readonly credential: { readonly name: string; readonly value: string } | undefined;
}

/** What the matched route decided about calling its upstream; compiled once per route. */
export interface UpstreamPlan {
  readonly timeouts: Timeouts;
  /** The prefix the path loses on its way, without a final slash: where the target's root appears to clients. */
  readonly strippedPrefix?: string | undefined;
  /** Path and query for this target; always starts with the target's base path. */
  pathFor(exchange: Exchange, target: TargetAddress): string;
  /** The complete header block as flat name/value strings, rebuilt from scratch. */
  headersFor(exchange: Exchange, target: TargetAddress): string[];
}
