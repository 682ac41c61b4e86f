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
  const { parts } = parsed as ipaddr.IPv6;
  return `${parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
