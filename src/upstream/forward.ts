import type { Dispatcher, Pool } from 'undici';
import type { DeadlinePhase } from '../exchange/deadline.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { Exchange, UpstreamPlan } from '../exchange/exchange.ts';
import { type Answer, type Attempt, type FailureKind, UpstreamFailure } from './attempt.ts';
import { earlyHints, framingOf, hasNoBody, textHeaders } from './answer-head.ts';
import { Collection } from './collection.ts';
import { Delivery } from './delivery.ts';
import { failureKind } from './failure-kinds.ts';
import type { UpstreamPools } from './pools.ts';
import { recordAttempt } from './record-attempt.ts';
import type { Target } from './targets.ts';
import { endTruncated } from './truncated.ts';

/** Interim (1xx) responses one answer may have; an endless row of them would keep a request alive for ever. */
const MOST_INTERIM_RESPONSES = 8;
/** Bytes of an unwanted body worth reading to keep its connection. */
const DISCARDED_BYTES = 64 * 1024;
const DISCARD_MS = 1_000;

const PHASE_FAILURE: Record<Exclude<DeadlinePhase, 'request_body'>, FailureKind> = {
  connect: 'connect_timeout',
  first_byte: 'first_byte_timeout',
  idle: 'total_timeout',
  total: 'total_timeout',
};

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
  private delivery: Delivery | undefined;
  private isBroken = false;
  private isEnded = false;
  private brokenListener: (() => void) | undefined;
  private interimResponses = 0;
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
    const { exchange, plan } = this;
    const framing = framingOf(headers);
    this.phase = 'delivering';
    // Where a length is promised nothing can be put in: it would take the place of bytes that are to come.
    exchange.isEventStream = framing.isEventStream && framing.length === undefined;
    exchange.isStream = framing.isEventStream || (framing.length === undefined && !hasNoBody(exchange, this.status));
    if (!exchange.isDetached) exchange.res.writeHead(this.status, headers);
    this.delivery = new Delivery(exchange, framing.length);
    this.idleMs = framing.isEventStream ? plan.timeouts.idle_streamed : plan.timeouts.idle;
    exchange.deadline.await('idle', this.idleMs);
    // Resuming parses what has already arrived, so a short answer leaves in one write together with its head.
    if (this.isEnded) this.finish();
    else this.controller?.resume();
    if (this.isDelivering() && !exchange.isDetached) exchange.res.flushHeaders();
    return true;
  }

  collect(maxBytes: number): Promise<Buffer> {
    const collection = new Collection(maxBytes);
    if (this.isBroken || this.phase !== 'answered') {
      collection.fail('reset');
      return collection.whole;
    }
    this.phase = 'collecting';
    this.collection = collection;
    this.exchange.deadline.await('idle', this.plan.timeouts.idle);
    if (this.isEnded) this.finishCollecting(collection);
    else this.controller?.resume();
    return collection.whole;
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

  detach(): void {
    if (this.isClientSlow) this.onDrain();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.phase === 'over') return controller.abort(new Error('abandoned'));
    this.exchange.deadline.await('first_byte', this.firstByteMs());
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
    this.exchange.deadline.endPhase();
    recordAttempt(this.exchange, this.target, { startedAt: this.startedAt, status });
    this.resolve(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.phase === 'discarding') return this.countDiscarded(controller, chunk.length);
    if (this.phase === 'collecting') return this.keep(chunk);
    if (this.phase !== 'delivering') return;
    const state = (this.delivery as Delivery).pass(chunk);
    if (state === 'flowing') this.exchange.deadline.await('idle', this.idleMs);
    else if (state === 'full') this.waitForClient(controller);
    else if (state === 'failed') this.endFailed();
    else if (state === 'spent') this.fail('client_aborted');
  }

  onResponseEnd(): void {
    this.release();
    // An answer without a body ends before anybody could take it: pausing holds back data, not the end.
    this.isEnded = true;
    if (this.phase === 'delivering') this.finish();
    else if (this.phase === 'collecting') this.finishCollecting(this.collection as Collection);
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
    this.exchange.deadline.endPhase();
    const delivery = this.delivery as Delivery;
    if (delivery.finish()) this.phase = 'over';
    else this.breakOff(delivery.failure ?? 'UPSTREAM_ERROR');
  }

  /** A filter found the answer to be broken: its end is not waited for. */
  private endFailed(): void {
    this.breakOff(this.delivery?.failure ?? 'UPSTREAM_ERROR');
    this.controller?.abort(new Error('broken answer'));
  }

  /** Ends the call for a reason of our own, wherever it stands. */
  private fail(kind: FailureKind): void {
    if (this.phase === 'over') return;
    const failure = new UpstreamFailure(kind, this.controller !== undefined);
    if (this.phase === 'waiting') this.refuse(failure);
    else if (this.phase === 'collecting') this.failCollecting(kind);
    else if (kind === 'client_aborted') this.leave();
    else this.breakOff('UPSTREAM_TIMEOUT');
    this.controller?.abort(failure);
  }

  private refuse(failure: UpstreamFailure): void {
    this.phase = 'over';
    this.exchange.deadline.endPhase();
    recordAttempt(this.exchange, this.target, { startedAt: this.startedAt, failure: failure.kind });
    this.reject(failure);
  }

  /** The rest of the answer is not wanted; that says nothing about the upstream. */
  private leave(): void {
    this.phase = 'over';
    this.exchange.endDetached();
  }

  private breakOff(reason: 'UPSTREAM_ERROR' | 'UPSTREAM_TIMEOUT' | Rejection): void {
    const { exchange, delivery } = this;
    this.phase = 'over';
    this.isBroken = true;
    this.brokenListener?.();
    if (delivery && !exchange.res.writableEnded) endTruncated(exchange, reason, delivery.hasPassedError);
  }

  private keep(chunk: Buffer): void {
    if (!this.collection?.add(chunk)) return this.fail('invalid_response');
    this.exchange.deadline.await('idle', this.plan.timeouts.idle);
  }

  private finishCollecting(collection: Collection): void {
    this.phase = 'over';
    this.exchange.deadline.endPhase();
    collection.finish();
  }

  private failCollecting(kind: FailureKind): void {
    this.phase = 'over';
    this.isBroken = true;
    this.exchange.deadline.endPhase();
    if (kind !== 'client_aborted') this.brokenListener?.();
    this.collection?.fail(kind);
  }

  private waitForClient(controller: Dispatcher.DispatchController): void {
    this.exchange.deadline.await('idle', this.idleMs);
    this.isClientSlow = true;
    controller.pause();
    this.exchange.res.once('drain', this.onDrain);
  }

  private firstByteMs(): number {
    const { first_byte, first_byte_streamed } = this.plan.timeouts;
    return (this.exchange.model?.isStream ? first_byte_streamed : undefined) ?? first_byte;
  }

  private passInterim(controller: Dispatcher.DispatchController, status: number): void {
    if (++this.interimResponses > MOST_INTERIM_RESPONSES) return this.fail('invalid_response');
    if (status !== 103 || this.exchange.edge.httpVersion !== '1.1' || this.exchange.isCommitted) return;
    const links = earlyHints(textHeaders(controller.rawHeaders as Buffer[]));
    if (links.length > 0) this.exchange.res.writeEarlyHints({ link: links });
  }

  private countDiscarded(controller: Dispatcher.DispatchController, bytes: number): void {
    this.discardedBytes += bytes;
    if (this.discardedBytes > DISCARDED_BYTES) controller.abort(new Error('discarded'));
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
    } else this.fail(this.isDrainOver(phase) ? 'client_aborted' : PHASE_FAILURE[phase]);
  };

  /** The time to read on without a client is up, which is no fault of the upstream. */
  private isDrainOver(phase: DeadlinePhase): boolean {
    return phase === 'total' && this.exchange.isDetached && this.exchange.onAbort === 'drain';
  }
}
