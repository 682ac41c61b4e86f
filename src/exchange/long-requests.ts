import type { Exchange } from './exchange.ts';
import type { TargetAddress } from './target-address.ts';

/** What a plan has to say of requests that take long to write. */
export interface LongRequests {
  /** True where `prepareFor` is to be awaited before the request is asked for. */
  isLong(exchange: Exchange): boolean;
  prepareFor(exchange: Exchange, target: TargetAddress): Promise<void>;
  /** Throws what `requestFor` throws, as far as that is known before the request is written. */
  check(exchange: Exchange, target: TargetAddress): void;
}
