// Room edge: turns the raw bytes of a request head into one unambiguous request, or refuses it.
// In it: the request line, headers, authority, path and client address, each read once.
// Never in it: bodies, configuration sections, anything that depends on who calls.

import type { IncomingMessage } from 'node:http';
import { Rejection } from '../errors/rejection.ts';
import type { AddressSet } from '../lib/address-set.ts';
import { parseHost } from './authority.ts';
import { canonicalPath } from './canonical-path.ts';
import { unmapAddress } from './client-ip.ts';
import type { EdgeRequest } from './edge-request.ts';
import { HeaderList } from './header-list.ts';
import { HeaderRoles, HeaderScan } from './header-scan.ts';
import { splitTarget } from './request-target.ts';

export interface EdgeOptions {
  /** The proxies whose forwarding headers are believed. */
  readonly trustProxy: AddressSet;
  /** Lower-case names of every header that can authenticate somewhere in this gateway. */
  readonly credentialHeaders: ReadonlySet<string>;
  /** The name this process writes into `Via`; unique, so that only a true loop is taken for one. */
  readonly viaPseudonym: string;
  readonly limits: {
    /** Bytes of the request target. */
    readonly targetBytes: number;
    /** Bytes of all header lines, line ends included. */
    readonly headerBytes: number;
    readonly headerCount: number;
  };
  /** What this listener speaks. */
  readonly scheme: 'http' | 'https';
}

/** `EdgeOptions` made ready for `parseEdge`. */
export interface EdgeRules {
  readonly options: EdgeOptions;
  readonly roles: HeaderRoles;
}

export function compileEdgeRules(options: EdgeOptions): EdgeRules {
  return { options, roles: new HeaderRoles(options.credentialHeaders, options.viaPseudonym) };
}

/** RFC 9110 section 15.5.6 requires the list; TRACE and CONNECT are refused everywhere, other methods by routes. */
const ALLOW = { Allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' };
const BAD_METHOD = new Rejection('METHOD_NOT_ALLOWED', 'TRACE and CONNECT are not served.', {
  headers: ALLOW,
  closes: true,
});
const BAD_VERSION = new Rejection('UNSUPPORTED_VERSION', 'Only HTTP/1.1 and HTTP/1.0 are served.', { closes: true });
const NO_HOST = new Rejection('INVALID_HEADER', 'A Host header is required.', { closes: true });
const BAD_HOST = new Rejection('INVALID_HEADER', 'The Host header is not a host with an optional port.', {
  closes: true,
});
const BAD_LENGTH = new Rejection('INVALID_HEADER', 'Content-Length must be a plain decimal number.', { closes: true });
const BAD_CODING = new Rejection('INVALID_HEADER', 'The last transfer coding must be "chunked", applied once.', {
  closes: true,
});
const UNKNOWN_CODING = new Rejection('UNSUPPORTED_CODING', 'The only transfer coding supported is "chunked".', {
  closes: true,
});
const TWO_FRAMINGS = new Rejection('INVALID_HEADER', 'Transfer-Encoding needs HTTP/1.1 and no Content-Length.', {
  closes: true,
});

/**
 * Reads target and header lines once, from the raw text, before anything else looks at the request. What two parsers
 * could read in two ways is refused, never repaired. After a refusal that `closes` nothing more on the connection may be
 * read (RFC 9112 section 9.6), though Node may have parsed it already. Node's own parser comes before this and must
 * stay strict.
 */
export function parseEdge(req: IncomingMessage, rules: EdgeRules): EdgeRequest | Rejection {
  const { limits } = rules.options;
  const scan = new HeaderScan(req.rawHeaders);
  const refusal = refuseAtSight(req, limits) ?? scan.run(rules.roles);
  if (refusal) return refusal;
  if (scan.bytes > limits.headerBytes) return tooManyHeaders(`${limits.headerBytes} bytes`);
  const target = splitTarget(req.url as string, req.method as string, scan.authority, limits.targetBytes);
  if (target instanceof Rejection) return target;
  const authority = scan.authority ?? target.authority ?? '';
  if (isHostMissing(scan, req.httpVersion)) return NO_HOST;
  const host = authority === '' ? '' : parseHost(authority);
  if (host === undefined) return BAD_HOST;
  const contentLength = lengthOf(scan, req.httpVersion);
  if (contentLength instanceof Rejection) return contentLength;
  const maxForwards = req.method === 'OPTIONS' ? forwardsLeft(scan) : undefined;
  const canonical = target.path === '*' ? ASTERISK : canonicalPath(target.path);
  if (canonical instanceof Rejection) return canonical;
  const { trustProxy, scheme } = rules.options;
  const peer = unmapAddress(req.socket.remoteAddress ?? '');
  const isPeerTrusted = trustProxy(peer);
  return {
    method: req.method as string,
    path: canonical.path,
    query: target.query,
    host,
    authority: withoutEmptyPort(authority),
    headers: new HeaderList(scan.raw, scan.names),
    hasUnderscoreName: scan.hasUnderscoreName,
    scheme: isPeerTrusted ? (forwardedScheme(scan.forwardedProto) ?? scheme) : scheme,
    httpVersion: req.httpVersion,
    peer,
    isPeerTrusted,
    contentLength,
    chunked: scan.coding !== undefined,
    expectContinue: scan.expectsContinue && req.httpVersion === '1.1',
    upgrade: scan.upgrade === '' ? undefined : offeredProtocol(scan, req.httpVersion),
    hasEncodedSlash: canonical.hasEncodedSlash,
    hasEmptySegment: canonical.hasEmptySegment,
    maxForwards,
  };
}

/** RFC 9112 section 3.2: HTTP/1.1 wants the line also where the target names the host itself. */
function isHostMissing({ authority }: HeaderScan, httpVersion: string): boolean {
  return authority === '' || (authority === undefined && httpVersion === '1.1');
}

function withoutEmptyPort(authority: string): string {
  return authority.endsWith(':') ? authority.slice(0, -1) : authority;
}

function refuseAtSight(req: IncomingMessage, limits: EdgeOptions['limits']): Rejection | undefined {
  if (req.httpVersion !== '1.1' && req.httpVersion !== '1.0') return BAD_VERSION;
  if (req.method === 'TRACE' || req.method === 'CONNECT') return BAD_METHOD;
  return req.rawHeaders.length > 2 * limits.headerCount ? tooManyHeaders(`${limits.headerCount} lines`) : undefined;
}

/** RFC 9110 section 5.6.2, in lower case. */
const CODING = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

const ASTERISK = { path: '*', hasEncodedSlash: false, hasEmptySegment: false };

/** RFC 9112 section 6.3, without its leniencies: every doubt about where the body ends is a refusal. */
function lengthOf(scan: HeaderScan, httpVersion: string): number | undefined | Rejection {
  const { contentLength, coding } = scan;
  if (coding !== undefined) {
    if (contentLength !== undefined || httpVersion === '1.0') return TWO_FRAMINGS;
    return refuseCoding(coding);
  }
  if (contentLength === undefined) return undefined;
  const length = Number(contentLength);
  const isPlain = Number.isSafeInteger(length) && length >= 0 && String(length) === contentLength;
  return isPlain ? length : BAD_LENGTH;
}

/** RFC 9112 section 6.1: an unknown coding is 501; a list whose end cannot be found (section 6.3) is 400. */
function refuseCoding(list: string): Rejection | undefined {
  if (list.toLowerCase() === 'chunked') return undefined;
  const codings = listItems(list);
  const isSound = codings.indexOf('chunked') === codings.length - 1 && codings.every((name) => CODING.test(name));
  return isSound && codings.length > 1 ? UNKNOWN_CODING : BAD_CODING;
}

/** RFC 9110 section 7.6.2. The line is rewritten: what is forwarded may travel one hop less. */
function forwardsLeft(scan: HeaderScan): number | undefined {
  const { maxForwards } = scan;
  if (maxForwards === undefined || !/^[0-9]{1,9}$/.test(maxForwards)) return undefined;
  const left = Number(maxForwards);
  const raw = scan.raw.slice();
  raw[2 * scan.names.indexOf('max-forwards') + 1] = String(left - 1);
  scan.raw = raw;
  return left;
}

/** The last value counts, as with addresses: the trusted peer wrote it, and what stands before it may be the client's. */
function forwardedScheme(value: string | undefined): 'http' | 'https' | undefined {
  const last = value
    ?.slice(value.lastIndexOf(',') + 1)
    .trim()
    .toLowerCase();
  return last === 'http' || last === 'https' ? last : undefined;
}

/** RFC 9110 section 7.8: an offer counts only when `Connection` names it. h2c is no longer to be used (RFC 9113 3.1). */
function offeredProtocol(scan: HeaderScan, httpVersion: string): string | undefined {
  if (httpVersion === '1.0' || !listItems(scan.connection).includes('upgrade')) return undefined;
  const offers = listItems(scan.upgrade).filter((offer) => offer !== '' && offer !== 'h2c');
  return offers.includes('websocket') ? 'websocket' : offers[0];
}

function listItems(value: string): string[] {
  return value.split(',').map((item) => item.trim().toLowerCase());
}

function tooManyHeaders(limit: string): Rejection {
  return new Rejection('HEADERS_TOO_LARGE', `The request headers may have at most ${limit}.`, { closes: true });
}
