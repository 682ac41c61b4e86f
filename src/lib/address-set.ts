import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { createBoundedCache } from './bounded-cache.ts';

/** Answers whether an address belongs to the set; text that is not an address never does. */
export type AddressSet = (address: string) => boolean;

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** RFC 1122 3.2.1.3, RFC 4291 2.5.3; RFC 1918, RFC 4193, RFC 3927 and RFC 4291 2.5.6. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'],
};

/** The recent verdicts that are kept: proxies and busy clients come back within a few addresses. */
const REMEMBERED_ADDRESSES = 1_024;

/**
 * Compiles CIDR blocks, single addresses and the words `loopback` and `private` (which does not include loopback).
 * IPv4-mapped IPv6 addresses count as the IPv4 address they hold. Verdicts on the last `remembered` addresses are kept.
 * Throws an Error that quotes an entry it cannot read.
 */
export function compileAddressSet(entries: readonly string[], { remembered = REMEMBERED_ADDRESSES } = {}): AddressSet {
  if (entries.length === 0) return () => false;
  const ranges = entries.flatMap((entry) => (WORDS[entry] ?? [entry]).map(parseRange));
  return remembered === 0 ? (address) => isWithin(address, ranges) : rememberVerdicts(ranges, remembered);
}

function rememberVerdicts(ranges: readonly Range[], remembered: number): AddressSet {
  const verdicts = createBoundedCache<string, boolean>(remembered);
  return (address) => {
    let isMember = verdicts.get(address);
    if (isMember === undefined) {
      isMember = isWithin(address, ranges);
      verdicts.set(address, isMember);
    }
    return isMember;
  };
}

/** True if `compileAddressSet` accepts this text as one entry. */
export function isAddressSetEntry(entry: string): boolean {
  if (Object.hasOwn(WORDS, entry)) return true;
  try {
    parseRange(entry);
    return true;
  } catch {
    return false;
  }
}

function parseRange(entry: string): Range {
  const [address = '', bits, ...rest] = entry.split('/');
  // ipaddr.js alone would also read `10.1`, `010.0.0.1` and `0x7f.1`, each of them a surprise in an access rule.
  if (isIP(address) === 0 || rest.length > 0) throw new Error(`"${entry}" is not an IP address or CIDR block`);
  const parsed = ipaddr.parse(address);
  const width = parsed.kind() === 'ipv4' ? 32 : 128;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= width)) {
    throw new Error(`"${entry}" has a prefix length outside 0 to ${width}`);
  }
  return [parsed, bits === undefined ? width : Number(bits)];
}

function isWithin(address: string, ranges: readonly Range[]): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.process(address);
  return ranges.some((range) => {
    if (parsed.kind() !== range[0].kind()) return false;
    return parsed.match(range as [ipaddr.IPv4, number]);
  });
}
