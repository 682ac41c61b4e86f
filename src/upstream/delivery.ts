import type { ServerResponse } from 'node:http';
import type { Rejection } from '../errors/rejection.ts';
import { type BodyFilter, flush, passThrough } from '../exchange/body-filter.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { EventEdge } from '../lib/event-edge.ts';

/** Bodies up to this size are worth copying to leave in the same buffer as their head. */
const ONE_WRITE_BYTES = 16 * 1024;
/** A comment, which every reader of event streams skips (HTML standard, section 9.2.6). */
const KEEP_ALIVE = Buffer.from(': keep-alive\n\n');

/**
 * After a chunk: `flowing` for more, `full` when the client cannot take more for now, `ended` when the response is
 * complete, `failed` when a filter found that nothing sensible can follow, `spent` when nobody wants the rest.
 */
export type DeliveryState = 'flowing' | 'full' | 'ended' | 'failed' | 'spent';

/**
 * The body of one answer on its way to the client: through the filters of the exchange, past those who listen, into the
 * response. Where the client has left and the answer is wanted all the same, everything happens but the last.
 */
export class Delivery {
  private readonly exchange: Exchange;
  private readonly filters: readonly BodyFilter[] | undefined;
  /** Of the body as the client gets it; -1 when unknown. */
  private readonly expectedBytes: number;
  /** Event streams only. */
  private readonly edge: EventEdge | undefined;
  private readonly quietMs: number;
  private bytesUnseen = 0;

  /** The head has been written, and what the exchange says of the response is final. */
  constructor(exchange: Exchange, expectedBytes: number | undefined) {
    this.exchange = exchange;
    this.filters = exchange.filters;
    this.expectedBytes = expectedBytes ?? -1;
    this.edge = exchange.isEventStream ? new EventEdge() : undefined;
    this.quietMs = this.edge ? exchange.keepAliveMs : 0;
    if (this.quietMs > 0) exchange.deadline.awaitQuiet(this.quietMs, this.onQuiet);
  }

  /** What a filter found to be wrong with the answer. */
  get failure(): Rejection | undefined {
    if (this.filters) for (const { failure } of this.filters) if (failure) return failure;
    return undefined;
  }

  /** The upstream itself has told the client of its failure. */
  get hasPassedError(): boolean {
    return this.filters?.some(({ hasPassedError }) => hasPassedError) ?? false;
  }

  pass(chunk: Buffer): DeliveryState {
    if (!this.filters) return this.send(chunk);
    const state = this.send(passThrough(this.filters, chunk));
    return this.failure ? 'failed' : state;
  }

  /** Passes what the filters still hold; false when the client must not take the answer for whole. */
  finish(): boolean {
    const { exchange, filters } = this;
    if (filters) {
      this.send(flush(filters));
      if (!filters.every(({ isWhole }) => isWhole)) return false;
    }
    exchange.isAnswerWhole = true;
    if (exchange.isDetached) exchange.endDetached();
    else if (!exchange.res.writableEnded) exchange.res.end();
    return true;
  }

  private send(chunk: Buffer): DeliveryState {
    const { exchange } = this;
    if (chunk.length === 0) return 'flowing';
    exchange.runSentHooks(chunk);
    if (exchange.isDetached) return this.countUnseen(chunk.length);
    exchange.bytesOut += chunk.length;
    if (chunk.length === this.expectedBytes) {
      endInOneWrite(exchange.res, chunk);
      return 'ended';
    }
    if (this.edge) this.noteEvents(this.edge, chunk);
    return exchange.res.write(chunk) ? 'flowing' : 'full';
  }

  private countUnseen(bytes: number): DeliveryState {
    this.bytesUnseen += bytes;
    return this.bytesUnseen > this.exchange.mostBytesUnseen ? 'spent' : 'flowing';
  }

  private noteEvents(edge: EventEdge, chunk: Buffer): void {
    const { exchange } = this;
    exchange.firstEventAt ??= performance.now();
    exchange.isInsideEvent = !edge.isAtEnd(chunk);
    if (this.quietMs > 0) exchange.deadline.awaitQuiet(this.quietMs, this.onQuiet);
  }

  /** Only between events: inside one, the comment's first line would become part of it. */
  private readonly onQuiet = (): void => {
    const { exchange } = this;
    const { res } = exchange;
    if (exchange.isDetached || res.writableEnded || res.destroyed) return;
    if (!exchange.isInsideEvent && !res.writableNeedDrain) {
      exchange.bytesOut += KEEP_ALIVE.length;
      res.write(KEEP_ALIVE);
    }
    exchange.deadline.awaitQuiet(this.quietMs, this.onQuiet);
  };
}

/** Node joins head and body into one buffer only when both are strings; latin1 keeps every byte. */
function endInOneWrite(res: ServerResponse, body: Buffer): void {
  if (body.length <= ONE_WRITE_BYTES) res.end(body.toString('latin1'), 'latin1');
  else res.end(body);
}
