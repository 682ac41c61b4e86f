import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * The unit in which clients are counted: an IPv4 address by itself, an IPv6 address by its /64, because one
 * subscriber owns at least that much (RFC 6177) and could otherwise appear as 2^64 clients. IPv4-mapped addresses
 * are counted as IPv4; text that is no IPv6 address is returned unchanged.
 */
export function ipGroup(address: string): string {
  if (!isIPv6(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return prefixOf(parsed as ipaddr.IPv6, 4);
}

/** The same by /48, which is what a provider gives to one site (RFC 6177): one machine can use all of its 65,536 /64s. */
export function ipSite(address: string): string {
  if (!isIPv6(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : prefixOf(parsed as ipaddr.IPv6, 3);
}

function prefixOf({ parts }: ipaddr.IPv6, groups: number): string {
  const head = parts.slice(0, groups).map((part) => part.toString(16));
  return `${head.join(':')}::/${16 * groups}`;
}
