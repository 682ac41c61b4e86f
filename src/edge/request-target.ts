import { Rejection } from '../errors/rejection.ts';
import { isSameAuthority } from './authority.ts';

/** The parts of a request target (RFC 9112 section 3.2), not yet canonical. */
interface RequestTarget {
  /** Set for absolute-form only. */
  readonly authority: string | undefined;
  /** Absolute, or `*`. */
  readonly path: string;
  /** With its `?`; empty when there is none. */
  readonly query: string;
}

const ABSOLUTE = /^(https?):\/\/([^/?#]+)([^?]*)(.*)$/i;
/** RFC 3986 section 3.4 and the delimiters browsers leave raw; controls, spaces, non-ASCII and `#` are none of them. */
const NOT_IN_QUERY = /[^!"$-~]/;

const BAD_TARGET = new Rejection('INVALID_PATH', 'The request target must be a path or an http(s) URL.', {
  closes: true,
});
const BAD_QUERY = new Rejection('INVALID_PATH', 'The query holds a character that must be percent-encoded.');
const FOREIGN_TARGET = new Rejection('INVALID_HEADER', 'The Host header differs from the host of the request target.', {
  closes: true,
});

/**
 * Cuts a request target into path and query, once. An absolute-form target must name the same authority as `Host`
 * (RFC 9112 section 3.2.2); `*` is for OPTIONS only (section 3.2.4).
 */
export function splitTarget(
  target: string,
  method: string,
  host: string | undefined,
  maxBytes: number,
): RequestTarget | Rejection {
  if (target.length > maxBytes) {
    return new Rejection('URI_TOO_LONG', `The request target may have at most ${maxBytes} bytes.`, { closes: true });
  }
  if (target.charCodeAt(0) === 0x2f) {
    const mark = target.indexOf('?');
    if (mark === -1) return { authority: undefined, path: target, query: '' };
    return withQuery(undefined, target.slice(0, mark), target.slice(mark));
  }
  if (target === '*') return method === 'OPTIONS' ? { authority: undefined, path: '*', query: '' } : BAD_TARGET;
  const match = ABSOLUTE.exec(target);
  if (!match) return BAD_TARGET;
  const [, scheme = '', authority = '', path = '', query = ''] = match;
  if (host !== undefined && !isSameAuthority(authority, host, scheme.toLowerCase())) return FOREIGN_TARGET;
  return withQuery(authority, path || '/', query);
}

function withQuery(authority: string | undefined, path: string, query: string): RequestTarget | Rejection {
  return NOT_IN_QUERY.test(query) ? BAD_QUERY : { authority, path, query };
}
