import type { TargetAddress } from './target-address.ts';

/** What a plan has to say of requests that take long to write; `E` is the exchange. */
export interface LongRequests<E> {
  /** True where `prepareFor` is to be awaited before the request is asked for. */
  isLong(exchange: E): boolean;
  prepareFor(exchange: E, target: TargetAddress): Promise<void>;
  /** Throws what `requestFor` throws, as far as that is known before the request is written. */
  check(exchange: E, target: TargetAddress): void;
}
