import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { DeadlinePhase, Waiter } from '../exchange/deadline.ts';
import type { Exchange, RunningCall, UpstreamPlan } from '../exchange/exchange.ts';
import type { UpgradingClient } from '../exchange/upgrading-client.ts';
import { type Answer, type Attempt, type FailureKind, UpstreamFailure } from './attempt.ts';
import { failureKind, failureOfPhase } from './failure-kinds.ts';
import type { UpstreamPools } from './pools.ts';
import { recordAttempt } from './record-attempt.ts';
import type { Target } from './targets.ts';
import { sendHandshake, upgradeHeaders } from './tunnel.ts';
import { TunnelSockets } from './tunnel-sockets.ts';

/** One handshake of a WebSocket at one target, over a connection of its own. `exchange.upgrade` must be set. */
export function createHandshaker(pools: UpstreamPools): Attempt {
  return (exchange, target) => {
    if (exchange.deadline.isOver) return Promise.reject(new UpstreamFailure('total_timeout', false));
    if (target.inFlight >= target.maxConnections) return Promise.reject(new UpstreamFailure('overloaded', false));
    return new Promise<Answer>((resolve, reject) => {
      void new Handshake(exchange, target, resolve, reject).start(pools);
    });
  };
}

/** The upstream's reply to a handshake: its agreement, or an ordinary answer. */
export class Handshake implements Answer, RunningCall, Waiter {
  readonly target: Target;
  status = 0;
  headers: readonly string[] = [];
  /** Of an answer that is no agreement. */
  body: IncomingMessage | undefined;

  private readonly exchange: Exchange;
  private readonly client: UpgradingClient;
  private readonly plan: UpstreamPlan;
  private readonly resolve: (answer: Answer) => void;
  private readonly reject: (failure: UpstreamFailure) => void;
  private readonly startedAt = performance.now();
  private upstream: Socket | undefined;
  private sent: ClientRequest | undefined;
  /** Bytes that the upstream sent after its agreement. */
  private head: Buffer | undefined;
  private isOver = false;
  private isCounted = true;

  constructor(
    exchange: Exchange,
    target: Target,
    resolve: (answer: Answer) => void,
    reject: (failure: UpstreamFailure) => void,
  ) {
    this.exchange = exchange;
    this.target = target;
    this.client = exchange.upgrade as UpgradingClient;
    this.plan = exchange.plan as UpstreamPlan;
    this.resolve = resolve;
    this.reject = reject;
  }

  async start(pools: UpstreamPools): Promise<void> {
    const { exchange, target } = this;
    target.inFlight++;
    exchange.running = this;
    exchange.deadline.call = this;
    exchange.deadline.await('connect', this.plan.timeouts.connect);
    try {
      const upstream = await pools.dial(target);
      this.upstream = upstream;
      upstream.on('error', (error) => this.fail(failureKind(error, true), error)).once('close', () => this.release());
      if (this.isOver) return void upstream.destroy();
      await this.send(upstream);
    } catch (error) {
      this.fail(failureKind(error, this.sent !== undefined), error);
    }
  }

  onBroken(): void {}

  /** Writes the agreement to the client; from here on bytes flow both ways until either side closes. */
  deliver(headers: string[]): boolean {
    const { upstream, head, exchange, client } = this;
    if (!upstream || !head || upstream.destroyed || client.socket.destroyed) return false;
    this.isOver = true;
    exchange.deadline.clear();
    if (head.length > 0) upstream.unshift(head);
    client.giveBack();
    client.tunnel = new TunnelSockets(client.socket, upstream, this.plan.timeouts.idle_streamed);
    client.tunnel.open(headers);
    return true;
  }

  collect(): Promise<Buffer> {
    return Promise.reject(new UpstreamFailure('internal', true));
  }

  discard(): void {
    this.isOver = true;
    this.exchange.deadline.endPhase();
    this.upstream?.destroy();
  }

  abandon(): void {
    // An open tunnel ends with its sockets.
    if (this.client.tunnel) return;
    if (this.status === 0) this.fail('client_aborted');
    else this.discard();
  }

  detach(): void {}

  onExpire(phase: DeadlinePhase): boolean {
    if (this.isOver) return false;
    this.fail(failureOfPhase(phase));
    return true;
  }

  private async send(upstream: Socket): Promise<void> {
    const { exchange, target, plan } = this;
    const { path, headers } = plan.requestFor(exchange, target);
    exchange.req.url = path;
    exchange.req.headers = upgradeHeaders(headers);
    exchange.deadline.await('first_byte', plan.timeouts.first_byte);
    this.sent = await sendHandshake(exchange.req, this.client.socket, upstream, {
      onUpgrade: (answer, _socket, head) => this.agree(answer, head),
      onResponse: (answer) => this.refuse(answer),
      onError: (error) => this.fail(failureKind(error, true), error),
    });
  }

  /** RFC 6455 4.1 lets no client accept another protocol than the one it asked for. */
  private agree(answer: IncomingMessage, head: Buffer): void {
    if (answer.headers.upgrade?.toLowerCase() !== 'websocket') return this.fail('invalid_response');
    this.head = head;
    this.conclude(101, answer);
  }

  private refuse(answer: IncomingMessage): void {
    const { statusCode = 0 } = answer;
    if (statusCode < 200 || statusCode > 599) return this.fail('invalid_response');
    this.body = answer;
    this.conclude(statusCode, answer);
  }

  private conclude(status: number, { rawHeaders }: IncomingMessage): void {
    if (this.isOver) return void this.upstream?.destroy();
    this.status = status;
    this.headers = rawHeaders;
    this.exchange.answeredAt = performance.now();
    this.exchange.deadline.endPhase();
    recordAttempt(this.exchange, this.target, { startedAt: this.startedAt, status });
    this.resolve(this);
  }

  private fail(kind: FailureKind, cause?: unknown): void {
    if (this.isOver || this.status !== 0) return;
    this.isOver = true;
    this.exchange.deadline.endPhase();
    const isSent = this.sent !== undefined;
    recordAttempt(this.exchange, this.target, { startedAt: this.startedAt, failure: kind });
    this.release();
    this.upstream?.destroy();
    this.reject(new UpstreamFailure(kind, isSent, cause));
  }

  private release(): void {
    if (!this.isCounted) return;
    this.isCounted = false;
    this.target.inFlight--;
  }
}
