import type { AbortRule, Exchange } from './exchange.ts';

type Detaching = Exclude<AbortRule, 'stop'>;

/**
 * How many answers may be read to their end without a client. A client that opens and drops streams must not make the
 * gateway read many of them, nor take all connections to an upstream without holding one itself.
 */
const MOST_UNSEEN: Readonly<Record<Detaching, number>> = { drain: 8, detach: 1_000 };

/** The exchanges whose client has left and whose answer is still being read. */
export class DetachedExchanges {
  private readonly unseen: Record<Detaching, number> = { drain: 0, detach: 0 };

  /** True when the exchange goes on without its client; `end` is then called when its answer is over. */
  take(exchange: Exchange, end: (exchange: Exchange) => void): boolean {
    const { onAbort } = exchange;
    if (onAbort === 'stop' || exchange.res.writableFinished) return false;
    if (this.unseen[onAbort] >= MOST_UNSEEN[onAbort]) return false;
    const isDetached = exchange.detach(() => {
      this.unseen[onAbort]--;
      end(exchange);
    });
    if (isDetached) this.unseen[onAbort]++;
    return isDetached;
  }
}
