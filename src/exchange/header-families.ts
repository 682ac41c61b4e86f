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

/** True for the names by which proxies tell who and what stood before them. */
export function isForwardingHeader(name: string): boolean {
  return name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip';
}
