import type { Exchange } from '../exchange/exchange.ts';
import type { Answer } from './attempt.ts';
import { Delivery } from './delivery.ts';
import type { Target } from './targets.ts';

/** An answer whose body has been read to learn what it says, and can be delivered all the same. */
export class KeptAnswer implements Answer {
  readonly target: Target;
  readonly status: number;
  readonly headers: readonly string[];
  private readonly exchange: Exchange;
  private readonly body: Buffer;

  constructor(exchange: Exchange, { target, status, headers }: Answer, body: Buffer) {
    this.target = target;
    this.status = status;
    this.headers = headers;
    this.exchange = exchange;
    this.body = body;
  }

  /** It is whole already. */
  onBroken(): void {}

  deliver(headers: string[]): boolean {
    const { exchange } = this;
    if (!exchange.isDetached) exchange.res.writeHead(this.status, headers);
    exchange.body.release();
    const delivery = new Delivery(exchange, undefined);
    delivery.take(this.body);
    delivery.finish();
    return true;
  }

  collect(): Promise<Buffer> {
    return Promise.resolve(this.body);
  }

  discard(): void {}
}
