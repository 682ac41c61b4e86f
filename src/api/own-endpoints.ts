// Room api: is the gateway's own endpoints: keys, consumers, accounts, usage, health, metrics.
// In it: one file per resource, input checks, views of what is stored.
// Never in it: the gateway, the process or the command line; dependencies are passed in.

import type { IncomingMessage } from 'node:http';
import express, { type Express, type IRoute, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { RESERVED_PATHS, RESERVED_TREES } from '../config/own-paths.ts';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Plane } from '../edge/plane.ts';
import type { BufferPlane } from '../exchange/buffer-planes.ts';
import { answer, reject } from '../exchange/respond.ts';
import { once } from '../lib/once.ts';
import { createRequestLog, type RequestFacts } from '../telemetry/logger.ts';
import { allowedBy, elsewhere, isAdministration } from './admin-addresses.ts';
import type { ApiContext } from './context.ts';
import type { Access, Call, Endpoint, Reply } from './endpoint.ts';
import { ENDPOINTS } from './endpoints.ts';
import { checkLocal } from './local-peer.ts';
import { MasterKeyGuard } from './master-key.ts';
import { readBody, readQuery } from './read-input.ts';
import { toRejection } from './to-rejection.ts';

/** Nothing here is a page, so nothing needs to be loaded, framed or run. Subdomains may belong to somebody else. */
function secureHeaders({ settings }: GatewayConfig): RequestHandler {
  return helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // RFC 6797 7.2: never over plain HTTP.
    strictTransportSecurity: settings.listen.tls ? { includeSubDomains: false } : false,
  });
}

const NOT_FOUND = new Rejection('NOT_FOUND', 'The gateway has no such endpoint.');

/** Where an endpoint is mounted. */
interface Mounted {
  readonly plane: Plane;
  readonly config: GatewayConfig;
  readonly describe: Call['describe'];
}

/** An endpoint as one configuration offers it. */
type Offer = Omit<Endpoint, 'access'> & { readonly access: Exclude<Access, 'hidden'> };

/**
 * The gateway's own endpoints. Every request for one of `pathsOn` is answered here, and every error in the dialect of
 * the settings: Express only finds the endpoint.
 */
export function createOwnEndpoints(context: ApiContext) {
  return new OwnEndpoints(context);
}

class OwnEndpoints {
  private readonly context: ApiContext;
  private readonly guard: MasterKeyGuard;
  private readonly exchanges = new WeakMap<IncomingMessage, Exchange>();
  private readonly apps = new WeakMap<GatewayConfig, Map<Plane, Express>>();
  /** As in the first configuration: sockets are opened once, and a reload must not open administration to the public. */
  private hasAdminSocket: boolean | undefined;

  constructor(context: ApiContext) {
    this.context = context;
    this.guard = new MasterKeyGuard(context.masterKeys, context.deps.failedAuth);
  }

  /** The public plane claims all that may ever be served there, so that no wide route takes it in the meantime. */
  readonly pathsOn = (plane: Plane, config: GatewayConfig): readonly string[] => {
    this.hasAdminSocket ??= config.settings.admin.listen !== undefined;
    if (plane === 'public') return [...RESERVED_PATHS, ...RESERVED_TREES.map((tree) => `${tree}/*`)];
    const paths = this.endpointsOn(plane).flatMap(({ path, aliases }) => [path, ...aliases]);
    return [...new Set(paths.map((path) => (path.startsWith('/admin/') ? '/admin/*' : path)))];
  };

  handle(exchange: Exchange, plane: Plane): void {
    const { req, res, edge } = exchange;
    this.exchanges.set(req, exchange);
    req.url = edge.path + edge.query;
    const finish = (error?: unknown): void => this.fail(exchange, error ?? new GatewayError(NOT_FOUND));
    this.appFor(plane)(req as never, res as never, finish);
  }

  private appFor(plane: Plane): Express {
    const { config } = this.context.gateway();
    const apps = this.apps.get(config) ?? new Map<Plane, Express>();
    this.apps.set(config, apps);
    const app = apps.get(plane) ?? this.buildApp(plane, config);
    apps.set(plane, app);
    return app;
  }

  private buildApp(plane: Plane, config: GatewayConfig): Express {
    const offers = this.endpointsOn(plane)
      .map((endpoint) => ({ ...endpoint, access: endpoint.access(config.settings, this.context) }))
      .filter(isShown);
    const describe = once(() => this.describe(plane, config, offers));
    const app = express();
    app.disable('x-powered-by').disable('etag').set('query parser', false);
    app.enable('case sensitive routing').enable('strict routing');
    const requestIdOf = (req: IncomingMessage): string => this.exchangeOf(req).id;
    const factsOf = (req: IncomingMessage): RequestFacts => factsFor(this.exchangeOf(req));
    app.use(createRequestLog(this.context.deps.log, config.settings.log.mask, requestIdOf, factsOf));
    app.use(secureHeaders(config));
    for (const [path, endpoints] of byPath(offers)) {
      const route = app.route(path);
      for (const endpoint of endpoints) {
        const method = endpoint.method.toLowerCase() as Lowercase<Endpoint['method']>;
        route[method](this.handlerOf(endpoint, { plane, config, describe }));
      }
      this.mountOthers(route, allowOf(endpoints));
    }
    return app;
  }

  private mountOthers(route: IRoute, allow: string): void {
    route.all((req) => {
      const exchange = this.exchangeOf(req);
      const headers = { Allow: allow };
      if (req.method === 'OPTIONS')
        return answer(exchange, { status: 204, headers: ['Allow', allow], body: undefined });
      throw new GatewayError(new Rejection('METHOD_NOT_ALLOWED', `Allowed here: ${allow}.`, { headers }));
    });
  }

  private handlerOf(endpoint: Offer, { plane, config, describe }: Mounted): RequestHandler {
    const isAllowed = isAdministration(endpoint) ? allowedBy(config.settings.admin.ip) : undefined;
    return async (req) => {
      const exchange = this.exchangeOf(req);
      if (isAllowed?.(exchange.clientIp) === false) throw new GatewayError(elsewhere(exchange.clientIp));
      const refusal = await this.check(exchange, endpoint.access, plane);
      if (refusal) throw new GatewayError(refusal);
      exchange.body.plane = bufferPlaneOf(endpoint.access);
      const reply = await endpoint.handle({
        context: this.context,
        config,
        exchange,
        param: (name) => paramOf(req.params, name),
        query: endpoint.query && readQuery(exchange, endpoint.query, config),
        body: endpoint.body && (await readBody(exchange, endpoint.body, config)),
        describe,
      });
      if (!exchange.isAbandoned) send(exchange, reply);
    };
  }

  /** Loaded when it is asked for: most gateways never are. */
  private async describe(plane: Plane, config: GatewayConfig, offers: readonly Offer[]): Promise<string> {
    const { describeGateway } = await import('../openapi/document.ts');
    const routes = plane === 'public' ? config.routes : [];
    const operations = offers.filter(isOpenToSomebody);
    return JSON.stringify(describeGateway({ config, routes, operations, version: this.context.version }));
  }

  private async check(exchange: Exchange, access: Offer['access'], plane: Plane): Promise<Rejection | undefined> {
    if (access === 'none') return undefined;
    if (access === 'local') return plane === 'public' ? checkLocal(exchange, this.guard) : undefined;
    if (access instanceof Rejection) return access;
    return access === 'master_key' ? this.guard.check(exchange) : this.context.gateway().admitCaller(exchange, access);
  }

  private fail(exchange: Exchange, error: unknown): void {
    const rejection = toRejection(error);
    const isOurFault = rejection.status >= 500 && !(error instanceof GatewayError);
    if (isOurFault) {
      const fields = { err: error, request_id: exchange.id, error_code: rejection.code };
      this.context.deps.log.error(fields, 'internal error in an endpoint of the gateway');
    }
    reject(exchange, rejection, this.context.gateway().config.settings.dialect);
  }

  private endpointsOn(plane: Plane): readonly Endpoint[] {
    const adoptsAdmin = plane === 'public' && !this.hasAdminSocket;
    return ENDPOINTS.filter(({ planes }) => planes.includes(plane) || (adoptsAdmin && planes.includes('admin')));
  }

  private exchangeOf(req: IncomingMessage): Exchange {
    return this.exchanges.get(req) as Exchange;
  }
}

/** A flood of login bodies must not keep callers from their keys or an administrator from acting. */
function bufferPlaneOf(access: Offer['access']): BufferPlane {
  if (access === 'master_key') return 'admin';
  return access === 'none' ? 'open' : 'account';
}

function factsFor({ clientIp, rejection, principal }: Exchange): RequestFacts {
  const { code, internal } = rejection ?? {};
  return {
    client_ip: clientIp,
    ...(code !== undefined && { error_code: code }),
    ...(internal !== undefined && { error_reason: internal }),
    ...(principal && {
      consumer: principal.consumer.id,
      credential: principal.credential.prefix,
      credential_hash: principal.credential.hashPrefix,
    }),
  };
}

function isShown(endpoint: Omit<Endpoint, 'access'> & { readonly access: Access }): endpoint is Offer {
  return endpoint.access !== 'hidden';
}

function isOpenToSomebody(offer: Offer): offer is Offer & { readonly access: Exclude<Offer['access'], Rejection> } {
  return !(offer.access instanceof Rejection);
}

function byPath(endpoints: readonly Offer[]): Map<string, Offer[]> {
  const paths = new Map<string, Offer[]>();
  for (const endpoint of endpoints) {
    for (const path of [endpoint.path, ...endpoint.aliases]) paths.set(path, [...(paths.get(path) ?? []), endpoint]);
  }
  return paths;
}

function allowOf(endpoints: readonly Offer[]): string {
  const methods = endpoints.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...methods, 'OPTIONS'].join(', ');
}

function paramOf(params: Readonly<Record<string, string | string[]>>, name: string): string {
  const value = params[name];
  if (typeof value !== 'string') throw new Error(`the path has no single segment :${name}`);
  return value;
}

/** Answers hold keys and states of the moment: no cache may keep them, unless the endpoint says so. */
function send(exchange: Exchange, reply: Reply<unknown>): void {
  const isText = 'text' in reply;
  const type = isText ? reply.contentType : 'application/json';
  const headers = { 'Content-Type': type, 'Cache-Control': 'no-store', ...(isText && reply.headers) };
  const body = isText ? reply.text : JSON.stringify(reply.json);
  answer(exchange, { status: reply.status, headers: Object.entries(headers).flat(), body });
}
