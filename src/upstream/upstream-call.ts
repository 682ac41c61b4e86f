import type { Dispatcher, Pool } from 'undici';
import type { DeadlinePhase, Waiter } from '../exchange/deadline.ts';
import { endByClose } from '../exchange/break-connection.ts';
import type { Exchange, RunningCall, UpstreamPlan } from '../exchange/exchange.ts';
import { type Answer, type FailureKind, UpstreamFailure } from './attempt.ts';
import { usageOfUnanswered } from '../exchange/model-call.ts';
import { endsByClose, framingOf, hasNoBody, isTransferUnderstood, textHeaders } from './answer-head.ts';
import type { BodySink } from './body-sink.ts';
import { Collection } from './collection.ts';
import { Delivery } from './delivery.ts';
import { passEarlyHints } from './early-hints.ts';
import { failureKind, failureOfPhase } from './failure-kinds.ts';
import { recordAttempt } from './record-attempt.ts';
import { inPieces } from './sliced-body.ts';
import type { Target } from './targets.ts';
import type { Wire } from './wire.ts';

/** More early hints than a page has a use for are not passed on. */
const MOST_HINTS = 8;
/** Bytes of an unwanted body worth reading to keep its connection. */
const DISCARDED_BYTES = 64 * 1024;
const DISCARD_MS = 1_000;

/**
 * One request on the wire and its answer. undici calls the `on…` methods; the answer's head is handed out with the
 * connection paused, and the body flows into the sink of its consumer.
 */
export class UpstreamCall implements Dispatcher.DispatchHandler, Answer, RunningCall, Waiter {
  readonly target: Target;
  /** Set by the pool when it has chosen a connection. */
  wire: Wire | undefined = undefined;
  status = 0;
  headers: string[] = [];

  private readonly exchange: Exchange;
  private readonly plan: UpstreamPlan;
  private readonly resolve: (answer: Answer) => void;
  private readonly reject: (failure: UpstreamFailure) => void;
  private readonly startedAt = performance.now();
  private controller: Dispatcher.DispatchController | undefined;
  private phase: 'waiting' | 'answered' | 'taken' | 'over' = 'waiting';
  private sink: BodySink | undefined;
  private isEnded = false;
  private brokenListener: (() => void) | undefined;
  private hints = 0;
  private isRequestSent = false;
  private isDrainAwaited = false;
  private unwantedBytes = 0;
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
    const method = exchange.edge.method as Dispatcher.HttpMethod;
    const request = { method, path, headers, body: inPieces(body), servername: target.tlsName };
    target.inFlight++;
    exchange.running = this;
    exchange.deadline.call = this;
    exchange.deadline.await('connect', this.plan.timeouts.connect);
    pool.dispatch(request, this);
  }

  onBroken(listener: () => void): void {
    this.brokenListener = listener;
  }

  deliver(headers: string[]): boolean {
    if (this.phase !== 'answered') return false;
    const { exchange, plan } = this;
    const { length, isEventStream } = framingOf(headers);
    // Where a length is promised nothing can be put in: it would take the place of bytes that are to come.
    exchange.isEventStream = isEventStream && length === undefined;
    exchange.isStream = isEventStream || (length === undefined && !hasNoBody(exchange, this.status));
    if (exchange.isStream && endsByClose(this.headers)) endByClose(exchange);
    if (!exchange.isDetached) exchange.res.writeHead(this.status, headers);
    // Nothing can be repeated any more.
    exchange.body.release();
    const { idle, idle_streamed } = plan.timeouts;
    this.take(new Delivery(exchange, length), isEventStream ? idle_streamed : idle);
    if (this.isTaken() && !exchange.isDetached) exchange.res.flushHeaders();
    return true;
  }

  collect(maxBytes: number): Promise<Buffer> {
    const collection = new Collection(maxBytes);
    if (this.phase === 'answered') this.take(collection, this.plan.timeouts.idle);
    else collection.fail('reset');
    return collection.whole;
  }

  discard(): void {
    if (this.phase !== 'answered') return;
    this.phase = 'over';
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

  onExpire(phase: DeadlinePhase): boolean {
    if (this.phase === 'over') return false;
    if (this.isClientSlow) this.exchange.res.destroy();
    else if (!this.isAwaitingClient || !this.exchange.body.onExpire())
      this.fail(phase === 'total' && this.exchange.isDraining ? 'client_aborted' : failureOfPhase(phase));
    return true;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.phase === 'over') return controller.abort(new Error('abandoned'));
    this.wire?.expectAnswer();
    // Until something has been written, and while all of it has been taken, the upstream is not waited for.
    this.exchange.deadline.endPhase();
  }

  onBodySent(): void {
    if (this.phase !== 'waiting') return;
    if (this.wire?.isBlocked) this.awaitTaking();
    else this.exchange.deadline.endPhase();
  }

  onRequestSent(): void {
    this.isRequestSent = true;
    if (this.phase !== 'waiting') return;
    if (this.wire?.isBlocked) this.awaitTaking();
    else this.awaitFirstByte();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.phase !== 'waiting') return;
    const headers = textHeaders(controller.rawHeaders as Buffer[]);
    if (status >= 102 && status < 200) return this.passInterim(status, headers);
    if (status < 200 || status > 599 || !isTransferUnderstood(headers)) return this.fail('invalid_response');
    controller.pause();
    this.phase = 'answered';
    this.status = status;
    this.headers = headers;
    this.exchange.answeredAt = performance.now();
    this.exchange.deadline.endPhase();
    recordAttempt(this.exchange, this.target, { startedAt: this.startedAt, status });
    this.resolve(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.phase !== 'taken') return this.countUnwanted(controller, chunk.length);
    const state = (this.sink as BodySink).take(chunk);
    if (state === 'flowing') this.exchange.deadline.await('idle', this.idleMs);
    else if (state === 'full') this.waitForClient(controller);
    else if (state === 'failed') this.fail('invalid_response');
    else if (state === 'spent') this.fail('client_aborted');
  }

  onResponseEnd(): void {
    this.release();
    // An answer without a body ends before anybody could take it: pausing holds back data, not the end.
    this.isEnded = true;
    if (this.wire?.isBroken) this.breakOff('reset');
    else if (this.phase === 'taken') this.finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.release();
    const sent = this.controller !== undefined;
    const kind = this.exchange.body.rejection ? 'request_body' : failureKind(error, sent);
    if (this.phase !== 'waiting') return this.breakOff(kind === 'request_body' ? kind : 'reset');
    this.refuse(new UpstreamFailure(kind, sent, error));
  }

  private awaitFirstByte(): void {
    const { first_byte, first_byte_streamed = first_byte } = this.plan.timeouts;
    this.exchange.deadline.await('first_byte', this.exchange.model?.isStream ? first_byte_streamed : first_byte);
  }

  /** The upstream has not read everything that was written; meanwhile the gateway does not wait for the client. */
  private awaitTaking(): void {
    this.exchange.deadline.await('write', this.plan.timeouts.idle);
    if (this.isDrainAwaited) return;
    this.isDrainAwaited = true;
    this.wire?.onceDrained(() => this.onTaken());
  }

  private onTaken(): void {
    this.isDrainAwaited = false;
    if (this.phase !== 'waiting') return;
    if (this.isRequestSent) this.awaitFirstByte();
    else this.exchange.deadline.endPhase();
  }

  private take(sink: BodySink, idleMs: number): void {
    this.phase = 'taken';
    this.sink = sink;
    this.idleMs = idleMs;
    this.exchange.deadline.await('idle', idleMs);
    // Resuming parses what has already arrived, so a short answer leaves in one write together with its head.
    if (this.isEnded) this.finish();
    else this.controller?.resume();
  }

  private finish(): void {
    this.exchange.deadline.endPhase();
    if (this.sink?.finish()) this.phase = 'over';
    else this.breakOff('reset');
  }

  /** Ends the call for a reason of our own, in any state. */
  private fail(kind: FailureKind): void {
    if (this.phase === 'over') return;
    const failure = new UpstreamFailure(kind, this.controller !== undefined);
    if (this.phase === 'waiting') this.refuse(failure);
    else this.breakOff(kind);
    this.controller?.abort(failure);
  }

  private refuse(failure: UpstreamFailure): void {
    const { exchange } = this;
    this.phase = 'over';
    exchange.deadline.endPhase();
    if (exchange.model && failure.sent && failure.kind === 'client_aborted') {
      exchange.model.usage = usageOfUnanswered(exchange.model);
    }
    recordAttempt(this.exchange, this.target, { startedAt: this.startedAt, failure: failure.kind });
    this.reject(failure);
  }

  /** The body will not be complete. The client's behaviour says nothing about the upstream. */
  private breakOff(kind: FailureKind): void {
    if (this.phase === 'over') return;
    this.phase = 'over';
    this.exchange.deadline.endPhase();
    if (kind !== 'client_aborted' && kind !== 'request_body') this.brokenListener?.();
    this.sink?.fail(kind);
  }

  private waitForClient(controller: Dispatcher.DispatchController): void {
    this.exchange.deadline.await('idle', this.idleMs);
    this.isClientSlow = true;
    controller.pause();
    this.exchange.res.once('drain', this.onDrain);
  }

  /** Nothing an interim answer says can harm the final one. */
  private passInterim(status: number, headers: readonly string[]): void {
    if (status === 103 && ++this.hints <= MOST_HINTS) passEarlyHints(this.exchange, headers);
  }

  /** Reading a little is cheaper than another connection. */
  private countUnwanted(controller: Dispatcher.DispatchController, bytes: number): void {
    this.unwantedBytes += bytes;
    if (this.unwantedBytes > DISCARDED_BYTES) controller.abort(new Error('discarded'));
  }

  private release(): void {
    if (!this.isCounted) return;
    this.isCounted = false;
    this.target.inFlight--;
  }

  /** A question to the call, not to the compiler: resuming may have delivered everything already. */
  private isTaken(): boolean {
    return this.phase === 'taken';
  }

  private readonly onDrain = (): void => {
    this.isClientSlow = false;
    this.exchange.deadline.await('idle', this.idleMs);
    this.controller?.resume();
  };

  /** The upstream has taken all there is of the body. */
  private get isAwaitingClient(): boolean {
    return this.phase === 'waiting' && this.controller !== undefined && !this.isRequestSent && !this.wire?.isBlocked;
  }
}
