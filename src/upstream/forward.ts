import type { ServerResponse } from 'node:http';
import type { Dispatcher, Pool } from 'undici';
import type { DeadlinePhase } from '../exchange/deadline.ts';
import type { Exchange, UpstreamPlan } from '../exchange/exchange.ts';
import { type Answer, type Attempt, type FailureKind, UpstreamFailure } from './attempt.ts';
import { failureKind } from './failure-kinds.ts';
import type { UpstreamPools } from './pools.ts';
import type { Target } from './targets.ts';
import { endTruncated } from './truncated.ts';

/** Interim (1xx) responses one answer may have; an endless row of them would keep a request alive for ever. */
const MOST_INTERIM_RESPONSES = 8;
/** Bytes of an unwanted body worth reading to keep its connection. */
const DISCARDED_BYTES = 64 * 1024;
const DISCARD_MS = 1_000;
/** Bodies up to this size are worth copying to leave in the same buffer as their head. */
const ONE_WRITE_BYTES = 16 * 1024;

const PHASE_FAILURE: Record<Exclude<DeadlinePhase, 'request_body'>, FailureKind> = {
  connect: 'connect_timeout',
  first_byte: 'first_byte_timeout',
  idle: 'total_timeout',
  total: 'total_timeout',
};

/** A body on its way to be handed over whole. */
interface Collection {
  readonly chunks: Buffer[];
  bytesLeft: number;
  readonly resolve: (body: Buffer) => void;
  readonly reject: (failure: UpstreamFailure) => void;
}

/** One attempt at one target over its keep-alive pool. The exchange's body must have been prepared. */
export function createForwarder(pools: UpstreamPools): Attempt {
  return (exchange, target) => {
    if (target.inFlight >= target.maxConnections) return Promise.reject(new UpstreamFailure('overloaded', false));
    return new Promise<Answer>((resolve, reject) => {
      new UpstreamCall(exchange, target, resolve, reject).start(pools.of(target));
    });
  };
}

/**
 * One request on the wire and its answer. undici calls the `on…` methods; the answer's head is handed out with the
 * connection paused, and the body flows straight into the client's response once somebody takes it.
 */
class UpstreamCall implements Dispatcher.DispatchHandler, Answer {
  readonly target: Target;
  status = 0;
  headers: string[] = [];

  private readonly exchange: Exchange;
  private readonly plan: UpstreamPlan;
  private readonly resolve: (answer: Answer) => void;
  private readonly reject: (failure: UpstreamFailure) => void;
  private readonly startedAt = performance.now();
  private controller: Dispatcher.DispatchController | undefined;
  private phase: 'waiting' | 'answered' | 'collecting' | 'delivering' | 'discarding' | 'over' = 'waiting';
  private collection: Collection | undefined;
  private isBroken = false;
  private isEnded = false;
  private brokenListener: (() => void) | undefined;
  private interimResponses = 0;
  private expectedBytes = -1;
  private discardedBytes = 0;
  private isCounted = true;
  private isClientSlow = false;
  private idleMs = 0;

  constructor(
    exchange: Exchange,
    target: Target,
    resolve: (answer: Answer) => void,
    reject: (failure: UpstreamFailure) => void,
  ) {
    this.exchange = exchange;
    this.plan = exchange.plan as UpstreamPlan;
    this.target = target;
    this.resolve = resolve;
    this.reject = reject;
  }

  start(pool: Pool): void {
    const { exchange, target } = this;
    const { path, headers, body } = this.plan.requestFor(exchange, target);
    const request = { method: exchange.edge.method as Dispatcher.HttpMethod, path, headers, body };
    target.inFlight++;
    exchange.running = this;
    exchange.deadline.onExpire = this.onExpire;
    exchange.deadline.await('connect', this.plan.timeouts.connect);
    pool.dispatch(request, this);
  }

  onBroken(listener: () => void): void {
    this.brokenListener = listener;
  }

  deliver(headers: string[]): boolean {
    if (this.isBroken || this.phase !== 'answered') return false;
    const { exchange } = this;
    const framing = framingOf(headers);
    this.phase = 'delivering';
    this.expectedBytes = framing.length ?? -1;
    exchange.isEventStream = framing.isEventStream;
    exchange.isStream = framing.isEventStream || (framing.length === undefined && !hasNoBody(exchange, this.status));
    exchange.res.writeHead(this.status, headers);
    this.idleMs = framing.isEventStream ? this.plan.timeouts.idle_streamed : this.plan.timeouts.idle;
    exchange.deadline.await('idle', this.idleMs);
    // Resuming parses what has already arrived, so a short answer leaves in one write together with its head.
    if (this.isEnded) this.finish();
    else this.controller?.resume();
    if (this.isDelivering()) exchange.res.flushHeaders();
    return true;
  }

  collect(maxBytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.isBroken || this.phase !== 'answered') return reject(new UpstreamFailure('reset', true));
      this.phase = 'collecting';
      this.collection = { chunks: [], bytesLeft: maxBytes, resolve, reject };
      this.exchange.deadline.await('idle', this.plan.timeouts.idle);
      if (this.isEnded) this.finishCollecting();
      else this.controller?.resume();
    });
  }

  discard(): void {
    if (this.phase !== 'answered') return;
    this.phase = 'discarding';
    this.exchange.deadline.endPhase();
    if (this.isEnded) return;
    setTimeout(() => this.controller?.abort(new Error('discarded')), DISCARD_MS).unref();
    this.controller?.resume();
  }

  /** The client is gone, or the gateway has answered without waiting: nothing more is wanted of this call. */
  abandon(): void {
    this.fail('client_aborted');
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.phase === 'over') return controller.abort(new Error('abandoned'));
    this.exchange.deadline.await('first_byte', this.plan.timeouts.first_byte);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.phase !== 'waiting') return;
    if (status >= 102 && status < 200) return this.passInterim(controller, status);
    if (status < 200 || status > 599) return this.fail('invalid_response');
    controller.pause();
    this.phase = 'answered';
    this.status = status;
    this.headers = textHeaders(controller.rawHeaders as Buffer[]);
    this.exchange.answeredAt = performance.now();
    this.target.noteLatency(this.exchange.answeredAt - this.startedAt);
    this.exchange.deadline.endPhase();
    this.record(status, undefined);
    this.resolve(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.phase === 'discarding') return this.countDiscarded(controller, chunk.length);
    if (this.phase === 'collecting') return this.keep(chunk);
    if (this.phase !== 'delivering') return;
    const { res, deadline } = this.exchange;
    this.exchange.bytesOut += chunk.length;
    if (chunk.length === this.expectedBytes) {
      endInOneWrite(res, chunk);
      return;
    }
    deadline.await('idle', this.idleMs);
    if (res.write(chunk)) return;
    this.isClientSlow = true;
    controller.pause();
    res.once('drain', this.onDrain);
  }

  onResponseEnd(): void {
    this.release();
    // An answer without a body ends before anybody could take it: pausing holds back data, not the end.
    this.isEnded = true;
    if (this.phase === 'delivering') this.finish();
    else if (this.phase === 'collecting') this.finishCollecting();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.release();
    if (this.phase === 'waiting') {
      const sent = this.controller !== undefined;
      const kind = this.exchange.body.rejection ? 'request_body' : failureKind(error, sent);
      return this.refuse(new UpstreamFailure(kind, sent, error));
    }
    if (this.phase === 'collecting') this.failCollecting('reset');
    else if (this.phase === 'answered' || this.phase === 'delivering') this.breakOff('UPSTREAM_ERROR');
  }

  private finish(): void {
    this.phase = 'over';
    this.exchange.deadline.endPhase();
    if (!this.exchange.res.writableEnded) this.exchange.res.end();
  }

  /** Ends the call for a reason of our own, wherever it stands. */
  private fail(kind: FailureKind): void {
    if (this.phase === 'over') return;
    const failure = new UpstreamFailure(kind, this.controller !== undefined);
    if (this.phase === 'waiting') this.refuse(failure);
    else if (this.phase === 'collecting') this.failCollecting(kind);
    else if (kind === 'client_aborted') this.phase = 'over';
    else this.breakOff('UPSTREAM_TIMEOUT');
    this.controller?.abort(failure);
  }

  private refuse(failure: UpstreamFailure): void {
    this.phase = 'over';
    this.exchange.deadline.endPhase();
    this.record(undefined, failure.kind);
    this.reject(failure);
  }

  private breakOff(code: 'UPSTREAM_ERROR' | 'UPSTREAM_TIMEOUT'): void {
    const wasDelivering = this.phase === 'delivering';
    this.phase = 'over';
    this.isBroken = true;
    this.brokenListener?.();
    if (wasDelivering && !this.exchange.res.writableEnded) endTruncated(this.exchange, code);
  }

  private keep(chunk: Buffer): void {
    const collection = this.collection as Collection;
    collection.bytesLeft -= chunk.length;
    if (collection.bytesLeft < 0) return this.fail('invalid_response');
    this.exchange.deadline.await('idle', this.plan.timeouts.idle);
    collection.chunks.push(chunk);
  }

  private finishCollecting(): void {
    const { chunks, resolve } = this.collection as Collection;
    this.phase = 'over';
    this.exchange.deadline.endPhase();
    resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
  }

  private failCollecting(kind: FailureKind): void {
    this.phase = 'over';
    this.isBroken = true;
    this.exchange.deadline.endPhase();
    this.brokenListener?.();
    this.collection?.reject(new UpstreamFailure(kind, true));
  }

  private passInterim(controller: Dispatcher.DispatchController, status: number): void {
    if (++this.interimResponses > MOST_INTERIM_RESPONSES) return this.fail('invalid_response');
    if (status !== 103 || this.exchange.edge.httpVersion !== '1.1' || this.exchange.isCommitted) return;
    const raw = textHeaders(controller.rawHeaders as Buffer[]);
    const links = raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === 'link');
    if (links.length > 0) this.exchange.res.writeEarlyHints({ link: links });
  }

  private countDiscarded(controller: Dispatcher.DispatchController, bytes: number): void {
    this.discardedBytes += bytes;
    if (this.discardedBytes > DISCARDED_BYTES) controller.abort(new Error('discarded'));
  }

  private record(status: number | undefined, failure: FailureKind | undefined): void {
    const durationMs = performance.now() - this.startedAt;
    this.exchange.attempts.push({ target: this.target.name, durationMs, status, failure });
  }

  private release(): void {
    if (!this.isCounted) return;
    this.isCounted = false;
    this.target.inFlight--;
  }

  /** A question to the call, not to the compiler: resuming may have delivered everything already. */
  private isDelivering(): boolean {
    return this.phase === 'delivering';
  }

  private readonly onDrain = (): void => {
    this.isClientSlow = false;
    this.exchange.deadline.await('idle', this.idleMs);
    this.controller?.resume();
  };

  private readonly onExpire = (phase: DeadlinePhase): void => {
    if (phase === 'request_body') {
      this.exchange.body.expire();
      this.fail('request_body');
    } else if (phase === 'idle' && this.isClientSlow) {
      this.exchange.res.destroy();
    } else this.fail(PHASE_FAILURE[phase]);
  };
}

/** Node joins head and body into one buffer only when both are strings; latin1 keeps every byte. */
function endInOneWrite(res: ServerResponse, body: Buffer): void {
  if (body.length <= ONE_WRITE_BYTES) res.end(body.toString('latin1'), 'latin1');
  else res.end(body);
}

/** latin1 keeps every byte a header may carry. */
function textHeaders(raw: readonly Buffer[]): string[] {
  const headers = new Array<string>(raw.length);
  for (let i = 0; i < raw.length; i++) headers[i] = (raw[i] as Buffer).toString('latin1');
  return headers;
}

/** RFC 9112 6.3: these responses end with their head, whatever it says about a length. */
function hasNoBody(exchange: Exchange, status: number): boolean {
  return status === 204 || status === 304 || exchange.edge.method === 'HEAD';
}

function framingOf(headers: readonly string[]): { length: number | undefined; isEventStream: boolean } {
  let length: number | undefined;
  let isEventStream = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') length = Number(headers[i + 1]);
    else if (name.length === 12 && name.toLowerCase() === 'content-type')
      isEventStream = (headers[i + 1] as string).startsWith('text/event-stream');
  }
  return { length, isEventStream };
}
