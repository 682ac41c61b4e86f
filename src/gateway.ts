import { type IncomingMessage, STATUS_CODES, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { GatewayConfig } from './config/gateway-config.ts';
import type { Dependencies } from './dependencies.ts';
import { ERROR_CATALOG, type ErrorCode } from './errors/catalog.ts';
import { Rejection } from './errors/rejection.ts';
import { renderRejection } from './errors/render.ts';
import { BufferBudget } from './exchange/buffer-budget.ts';
import type { EdgeRequest } from './edge/edge-request.ts';
import { DeadlineWatch } from './exchange/deadline.ts';
import type { EdgeRules } from './edge/edge.ts';
import type { BudgetStanding } from './exchange/budget-standing.ts';
import type { AbortRule, Exchange } from './exchange/exchange.ts';
import type { Principal } from './exchange/principal.ts';
import { openExchange } from './exchange/open-exchange.ts';
import type { Plane } from './edge/plane.ts';
import { createRequestIds } from './edge/request-id.ts';
import { answer, reject } from './exchange/respond.ts';
import { Roster } from './lib/roster.ts';
import type { CompiledRoute } from './routing/compiled-route.ts';
import { edgeRulesFor } from './routing/edge-rules.ts';
import type { Destination } from './routing/destination.ts';
import { isOfMessagesApi } from './routing/messages-path.ts';
import { buildGeneration, type Generation, type OwnPaths } from './routing/generation.ts';
import type { Callers } from './routing/own-access.ts';
import { isReadAsAnother } from './routing/path-parameters.ts';
import type { RouteLookup } from './routing/route-table.ts';
import { recorded } from './routing/recorded.ts';
import { type Proceed, serve } from './routing/serve.ts';
import { callUpstream } from './routing/call-upstream.ts';
import { tunnelTo } from './routing/serve-upgrade.ts';
import { UpstreamService } from './routing/upstream-service.ts';
import { type AccessLog, createAccessLog } from './telemetry/access-log.ts';
import type { CallerStanding } from './api/context.ts';
import { observeExchange } from './telemetry/observe.ts';
import { Tunnels } from './upstream/tunnel.ts';

/** The gateway's own endpoints as one handler. */
export interface OwnEndpoints {
  readonly pathsOn: OwnPaths;
  /** Answers every request for one of these paths, errors included. */
  handle(exchange: Exchange, plane: Plane): void;
}

const NO_HOST = new Rejection('INVALID_HEADER', 'A Host header is required.');
const TWO_READINGS = new Rejection('INVALID_PATH', 'Without its ";" parameters the path belongs to another route.');

/**
 * A client that opens and drops streams must not make the gateway read many of them to their end, nor take all
 * connections to an upstream without holding one itself.
 */
const MOST_UNSEEN = { drain: 8, detach: 1_000 };

type Found = Extract<RouteLookup<Destination>, { kind: 'found' }>;

/** What a new path (`OPTIONS *`) may be asked with: RFC 9110 9.3.7. */
const ALLOW_ALL = ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'];

/**
 * The gateway: takes a request from a socket, finds where it goes, and sees it to its end. One configuration is live
 * at a time; `apply` swaps it, and what is running finishes on the one it began with.
 */
export class Gateway {
  readonly tunnels = new Tunnels();
  /** Every exchange between its head and its close. */
  readonly running = new Roster<Exchange>();
  /** While true every answer asks its client to leave the connection. */
  isDraining = false;

  /** Answers being read that no client waits for, by the reason. */
  private readonly unseen = { drain: 0, detach: 0 };
  private readonly own: OwnEndpoints;
  private readonly deps: Dependencies;
  private readonly surroundings;
  private readonly callUpstream: Proceed;
  private generation: Generation;
  private rules: EdgeRules;
  private accessLog: AccessLog;

  constructor(config: GatewayConfig, own: OwnEndpoints, deps: Dependencies) {
    this.own = own;
    this.deps = deps;
    const budget = new BufferBudget(config.settings.limits.buffered_bytes);
    this.surroundings = { watch: new DeadlineWatch(deps.clock), requestIds: createRequestIds(), budget };
    this.callUpstream = recorded(deps.usage, callUpstream);
    this.generation = buildGeneration(config, own.pathsOn, deps);
    this.rules = edgeRulesFor(config, deps.viaPseudonym);
    this.accessLog = createAccessLog(deps.log, config.settings.log.mask);
  }

  get config(): GatewayConfig {
    return this.generation.config;
  }

  get services(): ReadonlyMap<string, UpstreamService> {
    return this.generation.services;
  }

  /** Finds out who calls an own endpoint; `undefined` when they may. */
  admitCaller(exchange: Exchange, callers: Callers): Promise<Rejection | undefined> {
    return this.generation.ownAccess.check(exchange, callers);
  }

  /** How far the caller of the exchange is from their limits. */
  async standingOf(exchange: Exchange): Promise<CallerStanding> {
    const limits = this.generation.callerLimits();
    const [standing, budgets] = await Promise.all([limits.of(exchange), limits.budgetsOf(exchange)]);
    return { ...standing, budgets };
  }

  /** What is left of the budgets of somebody who need not be calling. */
  budgetsOf(principal: Principal): Promise<readonly BudgetStanding[]> {
    return this.generation.callerLimits().budgetsOf({ principal, clientIp: '' });
  }

  /** Makes another configuration live. Throws, and changes nothing, when it cannot be compiled. */
  apply(config: GatewayConfig): void {
    const rules = edgeRulesFor(config, this.deps.viaPseudonym);
    this.generation = buildGeneration(config, this.own.pathsOn, this.deps);
    this.rules = rules;
    this.accessLog = createAccessLog(this.deps.log, config.settings.log.mask);
    this.forgetUnused();
  }

  /** Takes one HTTP request. */
  handle(req: IncomingMessage, res: ServerResponse, plane: Plane): void {
    const exchange = this.open(req, res);
    if (!exchange) return;
    if (exchange.edge.path === '*') return answer(exchange, { status: 204, headers: ALLOW_ALL, body: undefined });
    this.dispatch(exchange, plane, this.callUpstream);
  }

  /** Takes one WebSocket handshake; it passes the same edge and the same policies as a request. */
  handleUpgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    // A response object of its own lets refusals and the observer treat a handshake like any exchange.
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    res.once('finish', () => socket.destroySoon());
    const exchange = this.open(req, res);
    if (!exchange) return;
    this.dispatch(exchange, 'public', recorded(this.deps.usage, tunnelTo(this.tunnels, socket, head)));
  }

  /** The whole answer to something the parser refused before there was a request; it is logged and counted like one. */
  answerUnparsed(code: ErrorCode, reason: string, peer: string): string {
    const { metrics, log } = this.deps;
    const requestId = this.surroundings.requestIds.next();
    const rejection = new Rejection(code, ERROR_CATALOG[code].title, { closes: true });
    const { status, headers, body } = renderRejection(rejection, this.config.settings.dialect, { requestId });
    metrics.service('none').request('', status, 0);
    metrics.service('none').error(code);
    log.info({ request_id: requestId, status, error_code: code, reason, client_ip: peer }, 'not a request');
    return renderMessage(status, [...headers, 'X-Request-Id', requestId], body);
  }

  /** Ends every service at once; the last step of a shutdown. */
  async close(): Promise<void> {
    this.tunnels.closeAll();
    await Promise.all([...this.services.values()].map((service) => service.destroy()));
    this.deps.breakers.close();
  }

  private open(req: IncomingMessage, res: ServerResponse): Exchange | undefined {
    const { exchange, refusal } = openExchange(req, res, this.rules, this.surroundings);
    this.running.add(exchange);
    if (this.isDraining) res.shouldKeepAlive = false;
    res.once('close', () => this.leave(exchange));
    if (!refusal) return exchange;
    this.refuse(exchange, refusal);
    return undefined;
  }

  private dispatch(exchange: Exchange, plane: Plane, proceed: Proceed): void {
    const { tables } = this.generation;
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
      exchange.route = this.generation.ownRoute;
      return this.own.handle(exchange, plane);
    }
    // Only an HTTP/1.0 request may lack a Host, and then nothing tells whose route it means.
    if (exchange.edge.host === '') return this.refuse(exchange, NO_HOST);
    exchange.route = isOfMessagesApi(exchange.edge.path) ? to.forMessages : to.route;
    exchange.plan = to.plan;
    to.route.metrics.inFlight(1);
    serve(exchange, to.route, proceed, this.reportBug);
  }

  private refuse(exchange: Exchange, rejection: Rejection): void {
    reject(exchange, rejection, this.config.settings.dialect);
  }

  /** The response has closed; where its answer is wanted even without a client, it ends later. */
  private leave(exchange: Exchange): void {
    if (exchange.onAbort !== 'stop' && this.mayDetach(exchange, exchange.onAbort)) return;
    this.end(exchange);
  }

  private mayDetach(exchange: Exchange, rule: Exclude<AbortRule, 'stop'>): boolean {
    const { unseen } = this;
    if (exchange.res.writableFinished || unseen[rule] >= MOST_UNSEEN[rule]) return false;
    const isDetached = exchange.detach(() => {
      unseen[rule]--;
      this.end(exchange);
    });
    if (isDetached) unseen[rule]++;
    return isDetached;
  }

  private end(exchange: Exchange): void {
    const { res, outcome } = exchange;
    if (outcome === 'completed' && !res.writableFinished && res.statusCode !== 101) exchange.outcome = 'client_aborted';
    exchange.bytesIn = exchange.body.bytesRead;
    exchange.settle();
    this.running.remove(exchange);
    if (exchange.plan) (exchange.route as CompiledRoute).metrics.inFlight(-1);
    this.deps.usage.count(exchange);
    observeExchange(exchange, this.deps.metrics, this.accessLog);
  }

  /** What the new configuration no longer names: its services finish what they are doing and go. */
  private forgetUnused(): void {
    const { breakers, metrics, shelf } = this.deps;
    const live = new Set(this.services.values());
    for (const dropped of shelf.sweep()) if (dropped instanceof UpstreamService) void dropped.retire();
    breakers.retain(live);
    const targetsByName = new Map([...live].map(({ service, targets }) => [service, targets.map(({ name }) => name)]));
    // A route that answers itself is counted under its own name.
    for (const { service, name } of this.config.routes) if (service === undefined) targetsByName.set(name, []);
    metrics.retain(targetsByName);
  }

  private readonly reportBug = (error: unknown, exchange: Exchange): void => {
    this.deps.log.error({ err: error, request_id: exchange.id, route: exchange.route?.name }, 'a request met a bug');
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
