import { isIP, isIPv4 } from 'node:net';
import type { AddressSet } from '../lib/address-set.ts';
import type { EdgeRequest } from './edge-request.ts';

/** Entries of `X-Forwarded-For` that are looked at, from the right; no honest chain of proxies is longer. */
const MOST_HOPS = 32;

const MAPPED_PREFIX = '::ffff:';

/** An IPv4-mapped IPv6 address as the IPv4 address it holds; anything else unchanged. */
export function unmapAddress(address: string): string {
  if (!address.startsWith(MAPPED_PREFIX)) return address;
  const inner = address.slice(MAPPED_PREFIX.length);
  return isIPv4(inner) ? inner : address;
}

/**
 * The address limits and rules apply to: the first hop from the right of `X-Forwarded-For` that `trustProxy` does not
 * cover, when the peer is trusted; otherwise the peer. What stands left of an untrusted or unreadable entry was
 * written by somebody nobody vouches for and is never believed.
 */
export function clientIp(edge: EdgeRequest, trustProxy: AddressSet): string {
  if (!edge.isPeerTrusted) return edge.peer;
  const hops = edge.headers.all('x-forwarded-for').join(',').split(',');
  let client = edge.peer;
  const last = Math.max(0, hops.length - MOST_HOPS);
  for (let i = hops.length - 1; i >= last; i--) {
    const address = parseHop(hops[i] as string);
    if (address === undefined) break;
    client = address;
    if (!trustProxy(address)) break;
  }
  return client;
}

/** Reads `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1` and `[2001:db8::1]:567`; lower-case, so that one client has one key. */
function parseHop(hop: string): string | undefined {
  const match = /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5}|(.*))$/.exec(hop.trim());
  const address = match?.[1] ?? match?.[2] ?? match?.[3] ?? '';
  return isIP(address) === 0 ? undefined : unmapAddress(address.toLowerCase());
}
