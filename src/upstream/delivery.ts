import type { ServerResponse } from 'node:http';
import type { ErrorCode } from '../errors/catalog.ts';
import type { Rejection } from '../errors/rejection.ts';
import { type BodyFilter, flush, passThrough } from '../exchange/body-filter.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { EventEdge } from '../lib/event-edge.ts';
import type { FailureKind } from './attempt.ts';
import type { BodySink, SinkState } from './body-sink.ts';
import { endTruncated } from './truncated.ts';

/** Bodies up to this size are worth copying to leave in the same buffer as their head. */
const ONE_WRITE_BYTES = 16 * 1024;
/** A comment, which every reader of event streams skips (HTML standard, section 9.2.6). */
/** Without an empty line: some clients take one after a comment for the end of an event without data. */
const KEEP_ALIVE = Buffer.from(': keep-alive\n');

const NO_FILTERS: readonly BodyFilter[] = [];
/** Reasons to end an answer that say nothing about the upstream. */
const OWN_REASONS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BUDGET_EXCEEDED', 'STORE_UNAVAILABLE']);
const TIMEOUTS: ReadonlySet<FailureKind> = new Set<FailureKind>(['first_byte_timeout', 'total_timeout']);

/**
 * The body of one answer on its way to the client: through the filters of the exchange, past its listeners, into the
 * response. Where the client has left and the answer is wanted all the same, everything happens but the last.
 */
export class Delivery implements BodySink {
  private readonly exchange: Exchange;
  private readonly filters: readonly BodyFilter[] | undefined;
  /** Of the body as the client gets it; -1 when unknown. */
  private readonly expectedBytes: number;
  /** Event streams only. */
  private readonly edge: EventEdge | undefined;
  private readonly quietMs: number;
  private bytesUnseen = 0;

  /** The head has been written, and the exchange's record of the response is final. */
  constructor(exchange: Exchange, expectedBytes: number | undefined) {
    this.exchange = exchange;
    this.filters = exchange.filters;
    this.expectedBytes = expectedBytes ?? -1;
    this.edge = exchange.isEventStream ? new EventEdge() : undefined;
    this.quietMs = this.edge ? exchange.keepAliveMs : 0;
    if (this.quietMs > 0) {
      exchange.deadline.onQuiet = () => this.keepAlive();
      exchange.deadline.awaitQuiet(this.quietMs);
    }
  }

  take(chunk: Buffer): SinkState {
    const { filters } = this;
    if (!filters) return this.send(chunk);
    const state = this.send(passThrough(filters, chunk));
    const failure = findFailure(filters);
    if (!failure) return state;
    return OWN_REASONS.has(failure.code) ? 'spent' : 'failed';
  }

  finish(): boolean {
    const { filters } = this;
    if (filters) {
      this.send(flush(filters));
      if (!filters.every(({ isWhole }) => isWhole)) return false;
    }
    this.endWhole();
    return true;
  }

  private endWhole(): void {
    const { exchange } = this;
    exchange.isAnswerWhole = true;
    if (exchange.isDetached) exchange.endDetached();
    else if (!exchange.res.writableEnded) exchange.res.end();
  }

  fail(kind: FailureKind): void {
    const { exchange, filters = NO_FILTERS } = this;
    const failure = findFailure(filters);
    if (kind === 'client_aborted' && (!failure || exchange.isAbandoned)) return exchange.endDetached();
    if (exchange.res.writableEnded) return;
    if (!failure && exchange.isEventStream && hasSaidItsEnd(filters)) {
      this.send(flush(filters));
      return this.endWhole();
    }
    // The gateway reports what a filter found, because the upstream's own words have not passed it.
    const isTold = !failure && filters.some(({ hasPassedError }) => hasPassedError);
    const ours = failure ?? (kind === 'request_body' ? exchange.body.rejection : undefined);
    endTruncated(exchange, ours ?? (TIMEOUTS.has(kind) ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_ERROR'), isTold);
  }

  private send(chunk: Buffer): SinkState {
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

  private countUnseen(bytes: number): SinkState {
    this.bytesUnseen += bytes;
    return this.bytesUnseen > this.exchange.mostBytesUnseen ? 'spent' : 'flowing';
  }

  private noteEvents(edge: EventEdge, chunk: Buffer): void {
    const { exchange } = this;
    exchange.firstEventAt ??= performance.now();
    exchange.isInsideEvent = !edge.isAtEnd(chunk);
    if (this.quietMs > 0) exchange.deadline.awaitQuiet(this.quietMs);
  }

  /** Only between events: inside one, the comment's first line would become part of it. */
  private keepAlive(): void {
    const { exchange } = this;
    const { res } = exchange;
    if (exchange.isDetached || res.writableEnded || res.destroyed) return;
    if (!exchange.isInsideEvent && !res.writableNeedDrain) {
      exchange.bytesOut += KEEP_ALIVE.length;
      res.write(KEEP_ALIVE);
    }
    exchange.deadline.awaitQuiet(this.quietMs);
  }
}

/** The content is whole, though the connection broke: an error behind its end would only confuse. */
function hasSaidItsEnd(filters: readonly BodyFilter[]): boolean {
  return filters.some(({ hasEnded }) => hasEnded) && filters.every(({ isWhole }) => isWhole);
}

function findFailure(filters: readonly BodyFilter[]): Rejection | undefined {
  for (const { failure } of filters) if (failure) return failure;
  return undefined;
}

/** Node joins head and body into one buffer only when both are strings; latin1 keeps every byte. */
function endInOneWrite(res: ServerResponse, body: Buffer): void {
  if (body.length <= ONE_WRITE_BYTES) res.end(body.toString('latin1'), 'latin1');
  else res.end(body);
}
