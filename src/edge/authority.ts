import { isIPv6 } from 'node:net';

/** ASCII codes a host name or IPv4 address may hold: letters, digits, `-`, `.`, `_`, `~`. */
const IS_HOST_CODE = new Uint8Array(128);
for (let code = 0; code < 128; code++) if (/[A-Za-z0-9._~-]/.test(String.fromCharCode(code))) IS_HOST_CODE[code] = 1;

const BRACKETED = /^(\[[0-9A-Fa-f:.]+\])(?::(.*))?$/s;
const COLON = 0x3a;
const DOT = 0x2e;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' };

/**
 * The lower-case host of a `Host` value (RFC 9110 section 7.2), IPv6 in brackets, without the final dot of a complete
 * name; `undefined` when the value is anything but a name or address with an optional port, which may be empty
 * (RFC 3986 section 3.2.3). Sub-delimiters and escapes, which RFC 3986 would allow in a
 * registered name, are refused: no such host exists, and software behind us reads them as paths or lists.
 */
export function parseHost(authority: string): string | undefined {
  if (authority.charCodeAt(0) === 0x5b) return parseBracketed(authority);
  let end = 0;
  for (; end < authority.length; end++) {
    const code = authority.charCodeAt(end);
    if (code === COLON) break;
    if (code > 0x7f || IS_HOST_CODE[code] === 0) return undefined;
  }
  if (end < authority.length && !isPort(authority.slice(end + 1))) return undefined;
  if (authority.charCodeAt(end - 1) === DOT) end--;
  if (end === 0 || authority.charCodeAt(0) === DOT || hasEmptyLabel(authority)) return undefined;
  return authority.toLowerCase().slice(0, end);
}

function hasEmptyLabel(authority: string): boolean {
  return authority.includes('..');
}

function parseBracketed(authority: string): string | undefined {
  const [, host = '', port] = BRACKETED.exec(authority) ?? [];
  if (!isIPv6(host.slice(1, -1)) || (port !== undefined && !isPort(port))) return undefined;
  return host.toLowerCase();
}

function isPort(text: string): boolean {
  return /^[0-9]{0,5}$/.test(text) && Number(text) <= 65_535;
}

/** Whether two authorities are the same under a scheme: its default port may be named, empty or missing. */
export function isSameAuthority(one: string, other: string, scheme: string): boolean {
  if (one === other) return true;
  const host = parseHost(one);
  return host !== undefined && host === parseHost(other) && portOf(one, scheme) === portOf(other, scheme);
}

function portOf(authority: string, scheme: string): number {
  return Number(/:([0-9]+)$/.exec(authority)?.[1] ?? DEFAULT_PORTS[scheme]);
}
