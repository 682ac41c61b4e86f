import type { BalancedExchange, Target } from '../targets.ts';
import type { Choice } from '../targets.ts';

/** The part of a request that decides its target. */
export type HashKey = (exchange: BalancedExchange) => string;

/** The caller; the client's address if the caller is unknown. */
export const byConsumer: HashKey = ({ principal, clientIp }) => principal?.consumer.id ?? clientIp;

/** The value of this header (name in lower case), or the caller if the header is missing. */
export function byHeader(name: string): HashKey {
  return (exchange) => exchange.edge.headers.get(name) || byConsumer(exchange);
}

/**
 * Requests of the same key go to the same target as long as that is offered, keys by weight. Weighted rendezvous hashing
 * (D. Thaler and C. Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996): a target that is lost hands on its
 * own keys only, spread over all others, and gets exactly these back. Nothing is remembered about keys.
 */
export function hashed(keyOf: HashKey): Choice {
  const seeds = new WeakMap<Target, number>();
  return (candidates, exchange) => {
    const key = hash(keyOf(exchange));
    let chosen: Target | undefined;
    let highest = Number.NEGATIVE_INFINITY;
    for (const target of candidates) {
      let seed = seeds.get(target);
      if (seed === undefined) seeds.set(target, (seed = hash(target.origin + target.basePath)));
      const score = -target.weight / Math.log(fraction(key, seed));
      if (score <= highest) continue;
      highest = score;
      chosen = target;
    }
    return chosen;
  };
}

/** FNV-1a over UTF-16 units, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}

/** Between 0 and 1, both excluded: the two hashes through MurmurHash3's final mix. */
function fraction(key: number, seed: number): number {
  let mixed = Math.imul(key, 0x9e3779b1) ^ seed;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (((mixed ^ (mixed >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}
