import { type IncomingMessage, STATUS_CODES, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { GatewayConfig } from './config/gateway-config.ts';
import type { ProcessDependencies } from './policies/policy-dependencies.ts';
import { ERROR_CATALOG, type ErrorCode } from './errors/catalog.ts';
import { Rejection } from './errors/rejection.ts';
import { renderRejection } from './errors/render.ts';
import { BufferPlanes } from './exchange/buffer-planes.ts';
import type { ClientConnection } from './edge/client-connection.ts';
import type { EdgeRequest } from './edge/edge-request.ts';
import { DeadlineWatch } from './exchange/deadline.ts';
import type { EdgeRules } from './edge/edge.ts';
import type { BudgetStanding } from './exchange/receipts.ts';
import { DetachedExchanges } from './exchange/detached-exchanges.ts';
import type { Exchange } from './exchange/exchange.ts';
import type { Principal } from './exchange/principal.ts';
import { openExchange } from './exchange/open-exchange.ts';
import type { Plane } from './edge/plane.ts';
import { createRequestIds } from './edge/request-id.ts';
import { answer, cutShort, DRAINING, reject } from './exchange/respond.ts';
import { Guard } from './lib/guard.ts';
import { Roster } from './lib/roster.ts';
import { edgeRulesFor } from './routing/edge-rules.ts';
import type { Destination } from './routing/destination.ts';
import { isOfMessagesApi } from './routing/upstream-path.ts';
import type { CompiledConfig, OwnPaths } from './routing/compile-config.ts';
import { Generations } from './routing/generations.ts';
import type { Callers } from './routing/own-access.ts';
import { isReadAsAnother } from './routing/path-parameters.ts';
import type { RouteLookup } from './routing/route-table.ts';
import { recorded } from './routing/serve.ts';
import { type Proceed, serve } from './routing/serve.ts';
import { callUpstream } from './routing/call-upstream.ts';
import { tunnelTo } from './routing/serve-upgrade.ts';
import type { UpstreamService } from './routing/upstream-service.ts';
import { type AccessLog, createAccessLog } from './telemetry/access-log.ts';
import type { CallerStanding } from './api/context.ts';
import { observeExchange } from './telemetry/observe.ts';
import { endTruncated } from './upstream/truncated.ts';
import { Tunnels } from './upstream/tunnels.ts';

/** The gateway's own endpoints as one handler. */
export interface OwnEndpoints {
  readonly pathsOn: OwnPaths;
  /** Answers every request for one of these paths, errors included. */
  handle(exchange: Exchange, plane: Plane): void;
}

const NO_HOST = new Rejection('INVALID_HEADER', 'A Host header is required.');
const TWO_READINGS = new Rejection('INVALID_PATH', 'Without its ";" parameters the path belongs to another route.');

const REVOKED = new Rejection('REVOKED_CREDENTIAL', 'The credential of this request has been revoked.');

type Found = Extract<RouteLookup<Destination>, { kind: 'found' }>;

/** What a new path (`OPTIONS *`) may be asked with: RFC 9110 9.3.7. */
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const ALLOW_ALL = ['Allow', METHODS];

/**
 * The gateway: takes a request from a socket, finds where it goes, and sees it to its end. One configuration is live
 * at a time; `apply` replaces it, and running exchanges finish on the one they began with.
 */
export class Gateway {
  readonly tunnels = new Tunnels();
  /** Every exchange between its head and its close. */
  readonly running = new Roster<Exchange>();
  /** While true every answer asks its client to leave the connection. */
  isDraining = false;

  private readonly detached = new DetachedExchanges();
  private readonly own: OwnEndpoints;
  private readonly deps: ProcessDependencies;
  private readonly surroundings;
  private readonly callUpstream: Proceed;
  private readonly generations: Generations;
  private readonly edge;
  private rules: EdgeRules;
  private accessLog: AccessLog;

  constructor(config: GatewayConfig, own: OwnEndpoints, deps: ProcessDependencies) {
    this.own = own;
    this.deps = deps;
    const planes = new BufferPlanes(config.settings.limits);
    const watch = new DeadlineWatch(deps.clock, new Guard(this.reportEscape));
    this.surroundings = { watch, requestIds: createRequestIds(), planes };
    this.callUpstream = recorded(deps.usage, callUpstream);
    this.generations = new Generations(config, own.pathsOn, deps);
    this.edge = { viaPseudonym: deps.viaPseudonym, opened: config.settings };
    this.rules = edgeRulesFor(config, this.edge);
    this.accessLog = createAccessLog(deps.log, config.settings.log.mask);
  }

  get config(): GatewayConfig {
    return this.compiled.config;
  }

  get services(): ReadonlyMap<string, UpstreamService> {
    return this.compiled.services;
  }

  private get compiled(): CompiledConfig {
    return this.generations.live.compiled;
  }

  /** Finds out who calls an own endpoint; `undefined` when they may. */
  admitCaller(exchange: Exchange, callers: Callers): Promise<Rejection | undefined> {
    return this.compiled.ownAccess.check(exchange, callers);
  }

  /** How far the caller of the exchange is from their limits. */
  async standingOf(exchange: Exchange): Promise<CallerStanding> {
    const limits = this.compiled.callerLimits();
    const [standing, budgets] = await Promise.all([limits.of(exchange), limits.budgetsOf(exchange)]);
    return { ...standing, budgets };
  }

  /** What is left of the budgets of somebody who need not be calling. */
  budgetsOf(principal: Principal): Promise<readonly BudgetStanding[]> {
    return this.compiled.callerLimits().budgetsOf({ principal, clientIp: '' });
  }

  /** Makes another configuration live. Throws, and changes nothing, when it cannot be compiled. */
  apply(config: GatewayConfig): void {
    const rules = edgeRulesFor(config, this.edge);
    this.generations.replace(config);
    this.rules = rules;
    this.accessLog = createAccessLog(this.deps.log, config.settings.log.mask);
  }

  /** Takes one HTTP request. */
  handle(req: IncomingMessage, res: ServerResponse, connection: ClientConnection, plane: Plane): void {
    const exchange = this.open(req, res, connection);
    if (!exchange) return;
    if (exchange.edge.path === '*' || exchange.edge.maxForwards === 0)
      return answer(exchange, { status: 204, headers: ALLOW_ALL, body: undefined });
    this.dispatch(exchange, plane, this.callUpstream);
  }

  /** Takes one WebSocket handshake; it passes the same edge and the same policies as a request. */
  handleUpgrade(req: IncomingMessage, socket: Socket, head: Buffer, connection: ClientConnection): void {
    // A response object of its own lets refusals and the observer treat a handshake like any exchange.
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    res.once('finish', () => socket.destroySoon());
    const exchange = this.open(req, res, connection);
    if (!exchange) return;
    this.dispatch(exchange, 'public', recorded(this.deps.usage, tunnelTo(this.tunnels, socket, head)));
  }

  /** The whole answer to something the parser refused before there was a request; it is logged and counted like one. */
  answerUnparsed(code: ErrorCode, reason: string, peer: string): string {
    const { metrics, log } = this.deps;
    const requestId = this.surroundings.requestIds.next();
    const allow = code === 'METHOD_NOT_ALLOWED' ? { headers: { Allow: METHODS } } : {};
    const rejection = new Rejection(code, ERROR_CATALOG[code].title, { closes: true, ...allow });
    const { status, headers, body } = renderRejection(rejection, this.config.settings.dialect, { requestId });
    metrics.service('none').request('', status, 0);
    metrics.service('none').error(code);
    log.info({ request_id: requestId, status, error_code: code, reason, client_ip: peer }, 'not a request');
    const more = ['Date', new Date().toUTCString(), 'X-Request-Id', requestId];
    return renderMessage(status, [...headers, ...more], body);
  }

  /** Answers what is unanswered with 503, and ends what is running in order. */
  cutWhatIsLeft(): void {
    this.tunnels.sayGoodbye();
    for (const exchange of this.running.list()) {
      if (this.tunnels.carries(exchange)) continue;
      if (exchange.isCommitted || exchange.isDetached) endTruncated(exchange, 'DRAINING');
      else cutShort(exchange, DRAINING, this.config.settings.dialect);
    }
  }

  /** Ends what runs for a caller who may not call any more. What is read on for a client that left has nobody to be kept from. */
  endRevoked(exchange: Exchange): void {
    if (exchange.isDetached || this.tunnels.end(exchange)) return;
    if (exchange.isCommitted) endTruncated(exchange, REVOKED);
    else cutShort(exchange, REVOKED, this.config.settings.dialect);
  }

  /** Ends every service at once; the last step of a shutdown. */
  async close(): Promise<void> {
    this.tunnels.closeAll();
    await this.generations.close();
    this.deps.breakers.close();
  }

  private open(req: IncomingMessage, res: ServerResponse, connection: ClientConnection): Exchange | undefined {
    const { exchange, refusal } = openExchange(req, res, connection, this.rules, this.surroundings);
    exchange.config = this.generations.live.enter();
    this.running.add(exchange);
    if (this.isDraining || refusal?.closes) exchange.closeConnection();
    res.once('close', () => this.leave(exchange));
    if (!refusal) return exchange;
    this.refuse(exchange, refusal);
    return undefined;
  }

  private dispatch(exchange: Exchange, plane: Plane, proceed: Proceed): void {
    const { tables } = this.compiled;
    const lookup = tables[plane].find(exchange.edge);
    if (lookup.kind === 'found') {
      if (isReadAsAnother(lookup.value, exchange.edge, tables[plane])) return this.refuse(exchange, TWO_READINGS);
      return this.enter(exchange, plane, lookup, proceed);
    }
    if (lookup.kind === 'nothing')
      return this.refuse(exchange, new Rejection('NOT_FOUND', 'No route matches this host and path.'));
    if (exchange.edge.method === 'OPTIONS') {
      const asked = preflightedMethod(exchange.edge);
      const target = asked === undefined ? undefined : tables[plane].find(exchange.edge, asked);
      if (target?.kind === 'found' && answersPreflight(target.value))
        return this.enter(exchange, plane, target, proceed);
    }
    const headers = { Allow: lookup.allow.join(', ') };
    this.refuse(exchange, new Rejection('METHOD_NOT_ALLOWED', `Allowed here: ${headers.Allow}.`, { headers }));
  }

  private enter(exchange: Exchange, plane: Plane, { value: to, params }: Found, proceed: Proceed): void {
    exchange.params = params;
    if (to.kind === 'own') {
      exchange.route = this.compiled.ownRoute;
      return this.enterOwn(exchange, plane);
    }
    // Only an HTTP/1.0 request may lack a Host, and then nothing tells whose route it means.
    if (exchange.edge.host === '') return this.refuse(exchange, NO_HOST);
    exchange.route = isOfMessagesApi(exchange.edge.path) ? to.forMessages : to.route;
    exchange.plan = to.plan;
    exchange.gauge = to.route.metrics;
    exchange.gauge.inFlight(1);
    serve(exchange, to.route, proceed, this.reportBug);
  }

  /** A browser's preflight has no credentials, so it is answered before anything else, and never for administration. */
  private enterOwn(exchange: Exchange, plane: Plane): void {
    const cors = exchange.edge.path.startsWith('/admin') ? undefined : this.compiled.ownCors;
    const preflight = cors?.decide(exchange);
    if (preflight) return answer(exchange, preflight);
    this.own.handle(exchange, plane);
  }

  private refuse(exchange: Exchange, rejection: Rejection): void {
    reject(exchange, rejection, this.config.settings.dialect);
  }

  /** The response has closed; where its answer is wanted even without a client, it ends later. */
  private leave(exchange: Exchange): void {
    try {
      if (!this.detached.take(exchange, this.end)) this.end(exchange);
    } catch (error) {
      this.reportEscape(error, 'response_close');
    }
  }

  /** Something threw where nobody expected it; what it ran for is ended by the caller. */
  readonly reportEscape = (error: unknown, place: string): void => {
    this.deps.metrics.escaped(place);
    this.deps.log.error({ err: error, place }, 'internal error on a connection: it was closed');
  };

  private readonly end = (exchange: Exchange): void => {
    const { res, outcome } = exchange;
    if (outcome === 'completed' && !res.writableFinished && res.statusCode !== 101) exchange.outcome = 'client_aborted';
    exchange.bytesIn = exchange.body.bytesRead;
    exchange.settle();
    this.running.remove(exchange);
    exchange.gauge?.inFlight(-1);
    this.deps.usage.count(exchange);
    observeExchange(exchange, this.deps.metrics, this.accessLog);
    exchange.config?.leave();
  };

  private readonly reportBug = (error: unknown, exchange: Exchange): void => {
    this.deps.log.error(
      { err: error, request_id: exchange.id, route: exchange.route?.name },
      'internal error while handling a request',
    );
  };
}

/** RFC 9112 2.1: for a socket that has no response object. */
function renderMessage(status: number, headers: readonly string[], body: string): string {
  const lines = headers.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`));
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

/** Only with both headers is it a preflight (Fetch, section 3.2.2), which ends at the cors policy and goes no further. */
function preflightedMethod({ headers }: EdgeRequest): string | undefined {
  return headers.has('origin') ? headers.get('access-control-request-method') : undefined;
}

function answersPreflight(to: Destination): boolean {
  return to.kind === 'route' && to.route.steps.some(({ name }) => name === 'cors');
}
