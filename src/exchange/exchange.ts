import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Dialect } from '../errors/dialect.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { Listed } from '../lib/roster.ts';
import type { BodyFilter } from './body-filter.ts';
import type { ChargeReceipt } from './charge-receipt.ts';
import type { Deadline, Timeouts } from './deadline.ts';
import type { EdgeRequest } from './edge-request.ts';
import type { LimitStatus } from './limit-status.ts';
import type { ModelCall } from './model-call.ts';
import type { Principal } from './principal.ts';
import type { BodyPayload, RequestBody } from './request-body.ts';
import type { TargetAddress } from './target-address.ts';

export type { Dialect } from '../errors/dialect.ts';

/** What the exchange needs to know of the route it matched; the compiled route implements it. */
export interface MatchedRoute {
  readonly name: string;
  /** Metric label: the service's name, or the route's own for `redirect` and `respond`. */
  readonly service: string;
  readonly dialect: Dialect;
  /** Adds what every response of the route carries, refusals included: the limit headers. */
  decorate(headers: string[], exchange: Exchange): void;
}

/** What the matched route decided about calling its upstream; compiled once per route. */
export interface UpstreamPlan {
  readonly timeouts: Timeouts;
  /** The prefix the path loses on its way, without a final slash: where the target's root appears to clients. */
  readonly strippedPrefix?: string | undefined;
  /** What this target is sent. May be asked again for a further attempt; throws `GatewayError` when it cannot be made. */
  requestFor(exchange: Exchange, target: TargetAddress): UpstreamRequest;
}

/** One request as it goes on the wire. */
export interface UpstreamRequest {
  /** Path and query; always starts with the target's base path. */
  readonly path: string;
  /** The complete header block as flat name/value strings, rebuilt from scratch. */
  readonly headers: string[];
  readonly body: BodyPayload;
}

/** How one try at one target ended; written by the upstream side, read once by the observer. */
export interface AttemptRecord {
  readonly target: string;
  /** Milliseconds from dispatch to response headers or failure. */
  readonly durationMs: number;
  /** Status of the upstream's answer, when there was one. */
  readonly status: number | undefined;
  /** A short closed word (`refused`, `reset`, `timeout` …) when the attempt failed. */
  readonly failure: string | undefined;
}

/** How the exchange ended for the client. `truncated`: the upstream died after the response had begun. */
export type Outcome = 'completed' | 'rejected' | 'client_aborted' | 'truncated';

type HeadHook = (headers: string[], status: number) => void;

/**
 * One client request with its response, in flight. Policies write only their own slot; the observer reads the record
 * once, when the response closes.
 */
export class Exchange implements Listed {
  rosterIndex = -1;
  readonly id: string;
  readonly edge: EdgeRequest;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Monotonic milliseconds (`performance.now`). */
  readonly startedAt: number;
  /** First untrusted hop from the right of `X-Forwarded-For` when the peer is trusted, else the peer. */
  readonly clientIp: string;
  readonly body: RequestBody;
  readonly deadline: Deadline;

  route: MatchedRoute | undefined;
  /** How to call the upstream; `undefined` on routes that answer themselves. */
  plan: UpstreamPlan | undefined;
  /** Values of `:name` segments, and `*` for the rest. */
  params: Readonly<Record<string, string>> = {};
  principal: Principal | undefined;
  /** Lower-case name of the header line that authenticated: never forwarded. */
  credentialHeader: string | undefined;
  /** The tightest limit that applied, for the response headers. */
  limit: LimitStatus | undefined;
  /** What the limits took, while it can still be corrected. */
  charge: ChargeReceipt | undefined;
  /** Set where the request is one to a model. */
  model: ModelCall | undefined;
  readonly attempts: AttemptRecord[] = [];
  rejection: Rejection | undefined;
  outcome: Outcome = 'completed';
  /** Monotonic milliseconds when the upstream's final headers arrived. */
  answeredAt: number | undefined;
  bytesIn = 0;
  bytesOut = 0;
  /** True while the response is an event stream or has no known length. */
  isStream = false;
  /** True when the response is `text/event-stream`: its failure can be told inside the stream. */
  isEventStream = false;
  /** The call that is running upstream, so that a client's departure can end it within the same tick. */
  running: { abandon(): void } | undefined;

  /** Sockets on which the edge refuses whatever still comes. */
  private readonly closing: WeakSet<Socket>;
  /** In the order in which the upstream's bytes pass them; `undefined` where bytes pass as they are. */
  filters: BodyFilter[] | undefined;

  private headHooks: HeadHook[] | undefined;
  private sentHooks: ((chunk: Buffer) => void)[] | undefined;
  private settleHooks: (() => void)[] | undefined;

  constructor(fields: {
    id: string;
    edge: EdgeRequest;
    req: IncomingMessage;
    res: ServerResponse;
    startedAt: number;
    clientIp: string;
    body: RequestBody;
    deadline: Deadline;
    closing: WeakSet<Socket>;
  }) {
    this.id = fields.id;
    this.edge = fields.edge;
    this.req = fields.req;
    this.res = fields.res;
    this.startedAt = fields.startedAt;
    this.clientIp = fields.clientIp;
    this.body = fields.body;
    this.deadline = fields.deadline;
    this.closing = fields.closing;
  }

  /** True once response headers left: nothing can be retried or replaced after that. */
  get isCommitted(): boolean {
    return this.res.headersSent;
  }

  /** True once the client's connection is gone. */
  get isAbandoned(): boolean {
    return this.res.destroyed || this.res.closed;
  }

  /**
   * The connection ends with this response. Requests already pipelined behind it must not be served: Node would still
   * emit them.
   */
  closeConnection(): void {
    this.res.shouldKeepAlive = false;
    this.closing.add(this.req.socket);
  }

  /** Runs before the response head is written, for answers and errors alike; may push or edit name/value pairs. */
  onHead(hook: HeadHook): void {
    (this.headHooks ??= []).push(hook);
  }

  runHeadHooks(headers: string[], status: number): void {
    if (this.headHooks) for (const hook of this.headHooks) hook(headers, status);
  }

  /** The next response body passes this filter too, after those before it. */
  filterBody(filter: BodyFilter): void {
    (this.filters ??= []).push(filter);
  }

  /** Hears the bytes of the response body as the client gets them, whoever answers. Must not throw. */
  onSent(listener: (chunk: Buffer) => void): void {
    (this.sentHooks ??= []).push(listener);
  }

  runSentHooks(chunk: Buffer): void {
    if (this.sentHooks) for (const hook of this.sentHooks) hook(chunk);
  }

  /** Runs exactly once, whatever the outcome, when the response has closed. Must not throw. */
  onSettled(hook: () => void): void {
    (this.settleHooks ??= []).push(hook);
  }

  /** Called by the one close listener. */
  settle(): void {
    this.running?.abandon();
    this.deadline.clear();
    this.body.release();
    const hooks = this.settleHooks;
    this.settleHooks = undefined;
    if (hooks) for (const hook of hooks) hook();
  }
}
