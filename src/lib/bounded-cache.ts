import { LRUCache } from 'lru-cache';

/** The entries used last, up to a bound. */
export type BoundedCache<Key extends {}, Value extends {}> = LRUCache<Key, Value>;

/**
 * Keeps the `most` entries used last and, with a `ttl` in milliseconds, none longer than that after it was set. Memory
 * grows with what is kept: the library's plain `max` sets its arrays aside in full, 15 ms for each hundred thousand,
 * and a start makes several caches of that size.
 */
export function createBoundedCache<Key extends {}, Value extends {}>(
  most: number,
  ttl?: number,
): BoundedCache<Key, Value> {
  return new LRUCache<Key, Value>({ maxSize: most, sizeCalculation: () => 1, ...(ttl === undefined ? {} : { ttl }) });
}
