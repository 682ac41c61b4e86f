/**
 * Which header names belong together. Edge, request and response rules read the same lists, so that no name is
 * protected in one place and forgotten in another. All names lower-case.
 */

/**
 * RFC 9110 section 7.6.1, with the fields of section 11.7 that end at this proxy and the trailer announcement: trailers
 * are not carried on. `http2-settings` belongs to h2c offers, which are never accepted (RFC 9113 appendix B).
 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** True for the names under which the gateway tells an upstream who is calling; nobody else may. */
export function isIdentityHeader(name: string): boolean {
  return name.startsWith('x-consumer-') || name.startsWith('x-credential-') || name.startsWith('x-authenticated-');
}

/**
 * Beside `X-Forwarded-*`: where proxies and content networks tell the client's address, and where URL rewriting front
 * ends tell what was asked for. An upstream that believes one of them must be able to believe it.
 */
const TOLD_BY_PROXIES: ReadonlySet<string> = new Set([
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'x-original-url',
  'x-original-host',
  'x-rewrite-url',
]);

/** True for the names by which proxies tell who and what stood before them. */
export function isForwardingHeader(name: string): boolean {
  return name.startsWith('x-forwarded-') || TOLD_BY_PROXIES.has(name);
}

/** True for names, in any case, that frame the message itself: writing them by hand would break it. */
export function isFramingHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return HOP_BY_HOP.has(lower) || lower === 'content-length' || lower === 'expect';
}
