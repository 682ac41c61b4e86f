import type { ErrorCode } from '../errors/catalog.ts';
import type { FailureKind } from './attempt.ts';

/** One way an attempt can end without an answer: who is at fault, what the client receives, and what is counted. */
export interface Fault {
  /** `upstream`: its breaker, its health and the retries hear of it. For the others the target is as well as before. */
  readonly by: 'upstream' | 'client' | 'gateway';
  /** For the docs, after "the attempt fails when". */
  readonly when: string;
  readonly code: ErrorCode;
  /** Public: names no address, no port and nothing the upstream said. */
  readonly detail: string;
}

/** The one table that decides whose fault a failed attempt was; docs/errors.md shows it. */
export const FAULTS: Readonly<Record<FailureKind, Fault>> = {
  refused: {
    by: 'upstream',
    when: 'the target refuses the connection or cannot be reached',
    code: 'UPSTREAM_ERROR',
    detail: 'The upstream refused the connection.',
  },
  dns: {
    by: 'upstream',
    when: 'the name of the target cannot be resolved',
    code: 'UPSTREAM_ERROR',
    detail: 'The name of the upstream could not be resolved.',
  },
  tls: {
    by: 'upstream',
    when: 'the TLS handshake fails or the certificate is not trusted',
    code: 'UPSTREAM_ERROR',
    detail: 'No trusted TLS connection to the upstream was possible.',
  },
  connect_timeout: {
    by: 'upstream',
    when: 'no connection is open after `timeout.connect`',
    code: 'UPSTREAM_TIMEOUT',
    detail: 'The upstream did not accept a connection in time.',
  },
  write_timeout: {
    by: 'upstream',
    when: 'the target takes no byte of the request for `timeout.idle`',
    code: 'UPSTREAM_TIMEOUT',
    detail: 'The upstream stopped reading the request.',
  },
  first_byte_timeout: {
    by: 'upstream',
    when: 'the target has had the whole request for `timeout.first_byte` and has not answered',
    code: 'UPSTREAM_TIMEOUT',
    detail: 'The upstream did not begin its answer in time.',
  },
  total_timeout: {
    by: 'upstream',
    when: '`timeout.total` passes before the answer has begun',
    code: 'UPSTREAM_TIMEOUT',
    detail: 'The request took longer than the route allows.',
  },
  reset: {
    by: 'upstream',
    when: 'the target ends the connection before its answer has begun',
    code: 'UPSTREAM_ERROR',
    detail: 'The upstream closed the connection before it answered.',
  },
  invalid_response: {
    by: 'upstream',
    when: 'the answer is not HTTP/1.x, its length is in doubt, or it has a transfer coding other than `chunked`',
    code: 'UPSTREAM_INVALID_RESPONSE',
    detail: 'The upstream sent something that is not a valid HTTP response.',
  },
  head_too_large: {
    by: 'upstream',
    when: 'the head of the answer is larger than `settings.limits.upstream_header_bytes`',
    code: 'UPSTREAM_INVALID_RESPONSE',
    detail: 'The response headers of the upstream are larger than `settings.limits.upstream_header_bytes` allows.',
  },
  client_aborted: {
    by: 'client',
    when: 'the client leaves; the log says 499',
    code: 'REQUEST_TIMEOUT',
    detail: 'The client closed the connection before it was answered.',
  },
  request_body: {
    by: 'client',
    when: 'the body of the request breaks off, comes too slowly, or is too large (408, 413)',
    code: 'VALIDATION_ERROR',
    detail: 'The request body broke off or could not be read.',
  },
  overloaded: {
    by: 'gateway',
    when: 'as many requests run as `max_connections` of the target allows',
    code: 'OVERLOADED',
    detail: 'All connections to the upstream are in use. Retry shortly.',
  },
  circuit_open: {
    by: 'gateway',
    when: 'the circuit breaker of the target is open',
    code: 'CIRCUIT_OPEN',
    detail: 'The upstream has been failing and is left alone for a while.',
  },
  internal: {
    by: 'gateway',
    when: 'the gateway built a request that cannot be sent, which is a bug',
    code: 'INTERNAL_ERROR',
    detail: 'The gateway failed to handle this request.',
  },
};
