import type { IncomingMessage } from 'node:http';
import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { RESERVED_PATHS, RESERVED_TREES } from '../config/own-paths.ts';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Plane } from '../exchange/plane.ts';
import { answer, reject } from '../exchange/respond.ts';
import { createRequestLog } from '../telemetry/logger.ts';
import type { ApiContext } from './context.ts';
import type { Access, Endpoint, Reply } from './endpoint.ts';
import { ENDPOINTS } from './endpoints.ts';
import { MasterKeyGuard } from './master-key.ts';
import { readBody, readQuery } from './read-input.ts';
import { toRejection } from './to-rejection.ts';

/** Nothing here is a page, so nothing needs to be loaded, framed or run. Subdomains may belong to somebody else. */
const secureHeaders = helmet({
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  strictTransportSecurity: { includeSubDomains: false },
});

const NOT_FOUND = new Rejection('NOT_FOUND', 'The gateway has no such endpoint.');

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
    const app = express();
    app.disable('x-powered-by').disable('etag').set('query parser', false);
    app.enable('case sensitive routing').enable('strict routing');
    const requestIdOf = (req: IncomingMessage): string => this.exchangeOf(req).id;
    app.use(createRequestLog(this.context.deps.log, config.settings.log.mask, requestIdOf));
    app.use(secureHeaders);
    for (const [path, endpoints] of byPath(this.endpointsOn(plane))) this.mount(app, path, endpoints, config);
    return app;
  }

  private mount(app: Express, path: string, endpoints: readonly Endpoint[], config: GatewayConfig): void {
    const route = app.route(path);
    for (const endpoint of endpoints) {
      const method = endpoint.method.toLowerCase() as Lowercase<Endpoint['method']>;
      route[method](this.handlerOf(endpoint, config));
    }
    const allow = allowOf(endpoints);
    route.all((req) => {
      const exchange = this.exchangeOf(req);
      const headers = { Allow: allow };
      if (req.method === 'OPTIONS')
        return answer(exchange, { status: 204, headers: ['Allow', allow], body: undefined });
      throw new GatewayError(new Rejection('METHOD_NOT_ALLOWED', `Allowed here: ${allow}.`, { headers }));
    });
  }

  private handlerOf(endpoint: Endpoint, config: GatewayConfig): RequestHandler {
    const access = endpoint.access(config.settings, this.context);
    return async (req) => {
      const exchange = this.exchangeOf(req);
      const refusal = await this.check(exchange, access);
      if (refusal) throw new GatewayError(refusal);
      const reply = await endpoint.handle({
        context: this.context,
        config,
        exchange,
        param: (name) => paramOf(req.params, name),
        query: endpoint.query && readQuery(exchange, endpoint.query, config),
        body: endpoint.body && (await readBody(exchange, endpoint.body, config)),
      });
      if (!exchange.isAbandoned) send(exchange, reply);
    };
  }

  private async check(exchange: Exchange, access: Access): Promise<Rejection | undefined> {
    if (access === 'none') return undefined;
    if (access instanceof Rejection) return access;
    return access === 'master_key' ? this.guard.check(exchange) : this.context.gateway().admitCaller(exchange, access);
  }

  private fail(exchange: Exchange, error: unknown): void {
    const rejection = toRejection(error);
    const isOurFault = rejection.status >= 500 && !(error instanceof GatewayError);
    if (isOurFault) {
      const fields = { err: error, request_id: exchange.id, error_code: rejection.code };
      this.context.deps.log.error(fields, 'an own endpoint failed');
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

function byPath(endpoints: readonly Endpoint[]): Map<string, Endpoint[]> {
  const paths = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    for (const path of [endpoint.path, ...endpoint.aliases]) paths.set(path, [...(paths.get(path) ?? []), endpoint]);
  }
  return paths;
}

function allowOf(endpoints: readonly Endpoint[]): string {
  const methods = endpoints.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...methods, 'OPTIONS'].join(', ');
}

function paramOf(params: Readonly<Record<string, string | string[]>>, name: string): string {
  const value = params[name];
  if (typeof value !== 'string') throw new Error(`the path has no single segment :${name}`);
  return value;
}

/** Answers hold keys and states of the moment: no cache may keep them. */
function send(exchange: Exchange, reply: Reply<unknown>): void {
  const isText = 'text' in reply;
  const type = isText ? reply.contentType : 'application/json';
  const headers = ['Content-Type', type, 'Cache-Control', 'no-store'];
  answer(exchange, { status: reply.status, headers, body: isText ? reply.text : JSON.stringify(reply.json) });
}
