import type { Exchange } from '../exchange/exchange.ts';
import type { TargetAddress } from '../exchange/target-address.ts';

/** The `Host` that the client used: as reported by a trusted proxy, or else as received; empty if there is none. */
export function clientAuthority({ edge }: Exchange): string {
  const forwarded = edge.isPeerTrusted ? edge.headers.get('x-forwarded-host') : undefined;
  return forwarded ?? edge.authority;
}

/** The prefix of the upstream's path in the client's view: a trusted proxy's prefix, then the route's own. */
export function clientPrefix({ edge, plan }: Exchange): string {
  const forwarded = edge.isPeerTrusted ? edge.headers.get('x-forwarded-prefix') : undefined;
  return (forwarded ?? '') + (plan?.strippedPrefix ?? '');
}

/**
 * A `Location` or `Content-Location` (RFC 9110 sections 10.2.2 and 8.7) as the client must see it: a URL under the
 * target's own origin and base path names the gateway and the prefix under which the target appears there. Everything
 * else is returned unchanged, other hosts and paths outside the base path included: the gateway serves neither.
 */
export function clientLocation(location: string, exchange: Exchange, target: TargetAddress): string {
  const root = target.origin + target.basePath;
  if (location.slice(0, root.length).toLowerCase() !== root.toLowerCase()) return location;
  const rest = location.slice(root.length);
  const authority = clientAuthority(exchange);
  if (authority === '' || (rest !== '' && !'/?#'.includes(rest.charAt(0)))) return location;
  const path = clientPrefix(exchange) + rest;
  return `${exchange.edge.scheme}://${authority}${path.startsWith('/') ? path : `/${path}`}`;
}
