import type { HeaderList } from './header-list.ts';

/**
 * What the client asked for, parsed once at the edge and never again. Guard, router, limiter, metrics and upstream all
 * read this record, so no two of them can see different requests.
 */
export interface EdgeRequest {
  readonly method: string;
  /** Canonical path: absolute, unreserved escapes decoded, other escapes upper-case, no dot segments. */
  readonly path: string;
  /** The query exactly as sent, with its `?`; empty when there is none. Never parsed on the proxied plane. */
  readonly query: string;
  /** Lower-case host without port; empty only for HTTP/1.0 requests without `Host`. */
  readonly host: string;
  /** The `Host` value as sent. */
  readonly authority: string;
  /** The lines as sent, without those whose `_` would make a protected name of them further on. */
  readonly headers: HeaderList;
  /** A line whose name holds `_` was sent: decided after matching by the route's `headers.underscores`. */
  readonly hasUnderscoreName: boolean;
  /** What the client spoke: a trusted peer's `X-Forwarded-Proto`, else this listener's own. */
  readonly scheme: 'http' | 'https';
  readonly httpVersion: string;
  /** Address of the socket's other end, IPv4-mapped IPv6 unmapped. */
  readonly peer: string;
  /** `trust_proxy` covers the peer: its forwarding headers are believed and kept. */
  readonly isPeerTrusted: boolean;
  /** Declared body length; `undefined` when chunked or when there is no body. */
  readonly contentLength: number | undefined;
  readonly chunked: boolean;
  readonly expectContinue: boolean;
  /** Lower-cased `Upgrade` offer, when `Connection` names it. */
  readonly upgrade: string | undefined;
  /** `%2F` stands in the path: decided after matching by the route's `paths`. */
  readonly hasEncodedSlash: boolean;
  /** `//` stands in the path: decided after matching by the route's `paths`. */
  readonly hasEmptySegment: boolean;
  /** `Max-Forwards` of an OPTIONS request; at 0 the gateway answers itself. */
  readonly maxForwards?: number | undefined;
}
