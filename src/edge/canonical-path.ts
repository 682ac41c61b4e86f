import { Rejection } from '../errors/rejection.ts';

/** One spelling per path, so that guard, router, limiter and upstream cannot disagree about what was asked for. */
export interface CanonicalPath {
  readonly path: string;
  /** The path holds `%2F`, also nested (`%252F`). It never separates segments; the route decides whether it may pass. */
  readonly hasEncodedSlash: boolean;
  /** `//` stands in the path; whether it may pass is the route's decision. */
  readonly hasEmptySegment: boolean;
}

const PLAIN = 0;
const REFUSED = 1;
const PERCENT = 2;
const SLASH = 3;
const DOT = 4;
const SEMICOLON = 5;

/** Character classes of the 128 ASCII codes; everything above is refused like a control character. */
const CLASS_OF = new Uint8Array(128);
CLASS_OF.fill(REFUSED, 0, 0x21);
CLASS_OF[0x7f] = REFUSED;
for (const character of ['\\', '#', '?']) CLASS_OF[character.charCodeAt(0)] = REFUSED;
CLASS_OF['%'.charCodeAt(0)] = PERCENT;
CLASS_OF['/'.charCodeAt(0)] = SLASH;
CLASS_OF['.'.charCodeAt(0)] = DOT;
CLASS_OF[';'.charCodeAt(0)] = SEMICOLON;

/** RFC 3986 section 2.3: escapes of these are equivalent to the character itself, so only these are decoded. */
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const ESCAPE = /%([0-9A-Fa-f]{2})?/g;
/** What some server on the way may read as a dot or as the end of a segment, however often `%` was encoded again. */
const SEGMENT_ESCAPE = /%(?:25)*(2E|2F|5C|3B)/gi;
const SEGMENT_END = /[/\\;]/;
/** A slash for a server that decodes twice or more often. */
const NESTED_SLASH = /%(?:25)+2F/i;
/** ASCII written in two, three or four bytes: no UTF-8 (RFC 3629 section 3), and a dot or slash to a lax decoder. */
const OVERLONG = /%(?:C[01]%[89AB]|E0%[89]|F0%8)/;

const BAD_CHARACTER = new Rejection('INVALID_PATH', 'The path holds a character that must be percent-encoded.');
const BAD_ESCAPE = new Rejection('INVALID_PATH', 'The path holds an escape that is malformed or not accepted.');
const DOT_SEGMENT = new Rejection('INVALID_PATH', 'The path holds a "." or ".." segment.');
const NOT_ABSOLUTE = new Rejection('INVALID_PATH', 'The path must begin with "/".');

/**
 * Returns the one canonical spelling of an absolute path (without query), or refuses it; never repairs. Unreserved
 * escapes are decoded and all others upper-cased (RFC 3986 sections 6.2.2.1 and 6.2.2.2); raw controls, spaces,
 * non-ASCII, `\`, `#`, `?`, the escapes `%00`–`%1F`, `%5C` and `%7F`, malformed escapes and dot segments in any
 * encoding are refused. Idempotent. A path that is canonical already is returned as the same string.
 */
export function canonicalPath(rawPath: string): CanonicalPath | Rejection {
  if (rawPath.charCodeAt(0) !== 0x2f) return NOT_ABSOLUTE;
  let hasEscape = false;
  let hasEmptySegment = false;
  let mayHoldDots = false;
  let previous = PLAIN;
  for (let i = 0; i < rawPath.length; i++) {
    const code = rawPath.charCodeAt(i);
    const kind = code < 0x80 ? (CLASS_OF[code] as number) : REFUSED;
    if (kind !== PLAIN) {
      if (kind === REFUSED) return BAD_CHARACTER;
      if (kind === PERCENT) hasEscape = true;
      else if (kind === DOT) mayHoldDots ||= previous === SLASH || previous === SEMICOLON;
      else if (kind === SLASH && previous === SLASH) hasEmptySegment = true;
    }
    previous = kind;
  }
  if (hasEscape) return decodeEscapes(rawPath, hasEmptySegment);
  if (mayHoldDots && hasDotSegment(rawPath)) return DOT_SEGMENT;
  return { path: rawPath, hasEncodedSlash: false, hasEmptySegment };
}

function decodeEscapes(rawPath: string, hasEmptySegment: boolean): CanonicalPath | Rejection {
  let isAccepted = true;
  let hasEncodedSlash = false;
  const path = rawPath.replace(ESCAPE, (escape, digits: string | undefined) => {
    const code = digits === undefined ? 0 : Number.parseInt(digits, 16);
    if (code < 0x20 || code === 0x5c || code === 0x7f) isAccepted = false;
    if (code === 0x2f) hasEncodedSlash = true;
    const character = String.fromCharCode(code);
    return UNRESERVED.test(character) ? character : escape.toUpperCase();
  });
  if (!isAccepted) return BAD_ESCAPE;
  if (OVERLONG.test(path)) return BAD_ESCAPE;
  if (hasDotSegment(path)) return DOT_SEGMENT;
  return { path, hasEncodedSlash: hasEncodedSlash || NESTED_SLASH.test(path), hasEmptySegment };
}

/**
 * True when any server behind us could see a `.` or `..` segment: one that decodes `%2F`, decodes twice (`%252e`),
 * or cuts path parameters at `;` (`/..;x/`).
 */
function hasDotSegment(path: string): boolean {
  const decoded = path.replace(SEGMENT_ESCAPE, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return decoded.split(SEGMENT_END).some((segment) => segment === '.' || segment === '..');
}
