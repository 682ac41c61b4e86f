// Room exchange: is the record of one request in flight with its response.
// In it: the body and its memory, deadlines, the caller, the call of a model, the answer of the gateway itself.
// Never in it: decisions: policies make them and write the result here.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientConnection } from '../edge/client-connection.ts';
import type { Dialect } from '../errors/dialect.ts';
import type { Rejection } from '../errors/rejection.ts';
import { ipGroup } from '../lib/ip-group.ts';
import type { Listed } from '../lib/roster.ts';
import type { AttemptRecord } from './attempt-record.ts';
import type { BodyFilter } from './body-filter.ts';
import type { ChargeReceipt, LimitStatus } from './receipts.ts';
import type { Deadline, Timeouts } from './deadline.ts';
import type { EdgeRequest } from '../edge/edge-request.ts';
import type { LongRequests } from './long-requests.ts';
import type { ModelCall } from './model-call.ts';
import type { Principal } from './principal.ts';
import type { BodyPayload, RequestBody } from './request-body.ts';
import type { TargetAddress } from './target-address.ts';
import type { UpgradingClient } from './upgrading-client.ts';

/** What the exchange needs to know of the route it matched; the compiled route implements it. */
export interface MatchedRoute {
  readonly name: string;
  /** Metric label: the service's name, or the route's own for `redirect` and `respond`. */
  readonly service: string;
  readonly dialect: Dialect;
  /** Adds what every response of the route carries, refusals included: the limit headers. */
  decorate(headers: string[], exchange: Exchange): void;
  /** The route's edits of response headers, for the gateway's own answers. */
  readonly editOwn?: ((headers: readonly string[]) => string[]) | undefined;
}

/** What the matched route decided about calling its upstream; compiled once per route. */
export interface UpstreamPlan extends Partial<LongRequests<Exchange>> {
  readonly timeouts: Timeouts;
  /** The prefix the path loses on its way, without a final slash: where the target's root appears to clients. */
  readonly strippedPrefix?: string | undefined;
  /** The path behind a target's base path, on llm and embeddings without `/v1` before it. May throw `GatewayError`. */
  readonly pathFor: (exchange: Pick<Exchange, 'edge' | 'params'>) => string;
  /** What this target is sent. May be asked again for a further attempt; throws `GatewayError` when it cannot be made. */
  requestFor(exchange: Exchange, target: TargetAddress): UpstreamRequest;
  /** True when what this target is sent as credential came from the client, so that its refusal is the client's, too. */
  sendsClientKey?(exchange: Exchange, target: TargetAddress): boolean;
}

/** One request as it goes on the wire. */
export interface UpstreamRequest {
  /** Path and query; always starts with the target's base path. */
  readonly path: string;
  /** The complete header block as flat name/value strings, rebuilt from scratch. */
  readonly headers: string[];
  readonly body: BodyPayload;
}

/** How the exchange ended for the client. `truncated`: the upstream died after the response had begun. */
export type Outcome = 'completed' | 'rejected' | 'client_aborted' | 'truncated';

/**
 * What becomes of the upstream's answer when the client leaves: `stop` ends the call within the same tick, `drain` reads
 * on for a while to learn what was used, `detach` reads on as if nothing had happened.
 */
export type AbortRule = 'stop' | 'drain' | 'detach';

/** The configuration that an exchange began with: it stays usable until the exchange has left it. */
export interface ConfigInUse {
  leave(): void;
}

/** Counts the exchanges that are running on a route. */
interface RunningGauge {
  inFlight(delta: 1 | -1): void;
}

/** What runs upstream for an exchange. */
export interface RunningCall {
  /** Nothing more is wanted of it. */
  abandon(): void;
  /** Nobody reads any more, but the answer is wanted. */
  detach(): void;
}

type HeadHook = (headers: string[], status: number) => void;

/** What a drain may take. */
const DRAIN_BYTES = 1024 * 1024;
const DRAIN_MS = 5_000;

/**
 * One client request with its response, in flight. Policies write only their own slot; the observer reads the record
 * once, when the response closes.
 */
export class Exchange implements Listed {
  rosterIndex = -1;
  readonly id: string;
  /** Replaced where a credential is taken out that stands in no header of its own, or beside the one that decided. */
  edge: EdgeRequest;
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
  /** Set while the exchange counts as one that is running on its route. */
  gauge: RunningGauge | undefined;
  /** Left once, when the exchange has ended. */
  config: ConfigInUse | undefined;
  /** Values of `:name` segments, and `*` for the rest. */
  params: Readonly<Record<string, string>> = {};
  principal: Principal | undefined;
  /** Lower-case name of the header line that authenticated: never forwarded. */
  credentialHeader: string | undefined;
  /** The tightest limit of requests that applied, for the response headers. */
  limit: LimitStatus | undefined;
  /** The same of tokens. */
  tokenLimit: LimitStatus | undefined;
  /** What the limits took, while it can still be corrected. */
  charge: ChargeReceipt | undefined;
  /** Set where the request is one to a model. */
  model: ModelCall | undefined;
  /** The path, behind a target's base, of a request to a provider that is passed on unread. */
  passedOn: string | undefined;
  /** What a request to a provider is called whose use is not counted; `undefined` where it is. */
  unmetered: string | undefined;
  /** Random name of its usage record, where there is one. */
  recordId: string | undefined;
  readonly attempts: AttemptRecord[] = [];
  rejection: Rejection | undefined;
  outcome: Outcome = 'completed';
  /** Monotonic milliseconds when the upstream's final headers arrived. */
  answeredAt: number | undefined;
  bytesIn = 0;
  bytesOut = 0;
  /** True while the response is an event stream or has no known length. */
  isStream = false;
  /** The response has neither a length nor chunks: the end of the connection is the end of its body. */
  isEndedByClose = false;
  /** True when the response is `text/event-stream` of no known length: its failure can be told inside the stream. */
  isEventStream = false;
  /** True while part of an event has been sent and not its end: whatever is written next becomes part of it. */
  isInsideEvent = false;
  /** Monotonic milliseconds when the first bytes of an event stream were sent. */
  firstEventAt: number | undefined;
  /** The call that is running upstream, so that a client's departure can end it within the same tick. */
  running: RunningCall | undefined;
  /** Set where the request is a WebSocket handshake that may go on to the upstream. */
  upgrade: UpgradingClient | undefined;
  /** Milliseconds without a byte after which the client of an event stream gets a comment; 0 = never. */
  keepAliveMs = 0;
  /** May be set by whoever wants the answer even without a client, before the upstream is called. */
  onAbort: AbortRule = 'stop';
  /** The client has left and the answer is still being read: nothing is written any more, all else goes on. */
  isDetached = false;
  /** It has been answered without waiting for what it was doing: nothing may be answered any more. */
  isCutShort = false;
  /** The whole answer has passed, whether or not somebody was there to take it. */
  isAnswerWhole = false;

  /** In the order in which the upstream's bytes pass them; `undefined` where bytes pass as they are. */
  filters: BodyFilter[] | undefined;

  private readonly connection: ClientConnection;
  private headHooks: HeadHook[] | undefined;
  private sentHooks: ((chunk: Buffer) => void)[] | undefined;
  private settleHooks: (() => void)[] | undefined;
  private detachedEnd: (() => void) | undefined;

  constructor(fields: {
    id: string;
    edge: EdgeRequest;
    req: IncomingMessage;
    res: ServerResponse;
    startedAt: number;
    clientIp: string;
    body: RequestBody;
    deadline: Deadline;
    connection: ClientConnection;
  }) {
    this.id = fields.id;
    this.edge = fields.edge;
    this.req = fields.req;
    this.res = fields.res;
    this.startedAt = fields.startedAt;
    this.clientIp = fields.clientIp;
    this.body = fields.body;
    this.body.owner = this;
    this.deadline = fields.deadline;
    this.connection = fields.connection;
  }

  /** Whom its memory is charged to: the caller, else the addresses that one subscriber owns. */
  get payer(): string {
    return this.principal?.consumer.id ?? ipGroup(this.clientIp);
  }

  /** True once response headers left: nothing can be retried or replaced after that. */
  get isCommitted(): boolean {
    return this.res.headersSent;
  }

  /** True once nobody waits for the answer: the client is gone or has been answered, and nothing wants the rest. */
  get isAbandoned(): boolean {
    return this.isCutShort || ((this.res.destroyed || this.res.closed) && !this.isDetached);
  }

  /** The answer is read on for a while without a client; when that time is up it is no fault of the upstream. */
  get isDraining(): boolean {
    return this.isDetached && this.onAbort === 'drain';
  }

  /** Body bytes that may come from the upstream after the client has left. */
  get mostBytesUnseen(): number {
    return this.onAbort === 'drain' ? DRAIN_BYTES : Number.POSITIVE_INFINITY;
  }

  /**
   * The client has left. True when the rest of the answer is wanted all the same: the exchange goes on, and `end` is
   * called once when it is over.
   */
  detach(end: () => void): boolean {
    const { onAbort, running } = this;
    if (onAbort === 'stop' || !running || this.isAnswerWhole || this.outcome !== 'completed') return false;
    this.isDetached = true;
    this.outcome = 'client_aborted';
    this.detachedEnd = end;
    if (onAbort === 'drain') this.deadline.limitTotal(Math.min(DRAIN_MS, this.deadline.remainingMs()) || 1);
    running.detach();
    return true;
  }

  /** The answer is over, well or not. Does nothing unless the exchange is detached: else the connection says so. */
  endDetached(): void {
    const end = this.detachedEnd;
    this.detachedEnd = undefined;
    end?.();
  }

  /** The connection ends with this response: requests behind it are not served. */
  closeConnection(): void {
    this.connection.close(this.res);
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

  settle(): void {
    this.running?.abandon();
    this.deadline.clear();
    this.body.release();
    this.body.readAway();
    const hooks = this.settleHooks;
    this.settleHooks = undefined;
    if (hooks) runAll(hooks);
  }
}

/** One that throws must not keep the others from giving back what they hold. */
function runAll(hooks: readonly (() => void)[]): void {
  const failures: unknown[] = [];
  for (const hook of hooks) {
    try {
      hook();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'a hook of a settled exchange threw');
}
