import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Plugin, RequestHandler } from 'http-proxy-middleware';
import type { Exchange, UpstreamPlan } from '../exchange/exchange.ts';
import { type FailureKind, UpstreamFailure } from './attempt.ts';
import { failureKind } from './failure-kinds.ts';
import { FramedTunnel } from './framed-tunnel.ts';
import { recordAttempt } from './record-attempt.ts';
import type { AnswerHead } from './response-headers.ts';
import type { Target } from './targets.ts';

/** What happens to one tunnel after `open`; exactly one of these is called. */
export interface TunnelEvents {
  /**
   * The upstream agreed: bytes flow both ways until either side closes. Returns the headers for the client, to which
   * the agreement itself is added.
   */
  readonly onOpen: (answer: AnswerHead) => readonly string[];
  /** The upstream answered with something else, whose body has to be read. Nothing was written to the client yet. */
  readonly onRefused: (answer: AnswerHead, body: Readable) => void;
  /** The upstream did not answer, and nothing was written to the client yet. */
  readonly onFailed: (failure: UpstreamFailure) => void;
  /** The gateway ends before the upstream has answered, and nothing was written to the client yet. */
  readonly onCutShort: () => void;
}

/** A tunnel one side of which has ended is over: WebSockets close both ways. So long may last bytes take. */
const HALF_OPEN_MS = 1_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface OpenTunnel extends TunnelEvents {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly startedAt: number;
  isAnswered: boolean;
  /** Set while bytes flow. */
  framed: FramedTunnel | undefined;
}

/**
 * Carries WebSocket connections. The library sees only sanitised requests: path and headers are rebuilt before the
 * call, and none of its default handlers is active.
 */
export class Tunnels {
  private readonly running = new Map<IncomingMessage, OpenTunnel>();
  private readonly middlewares = new Map<number, Promise<RequestHandler>>();

  /** Number of tunnels that are open or being opened. */
  get size(): number {
    return this.running.size;
  }

  /** Starts a tunnel for an exchange whose access policies have agreed. `req` is rewritten for the upstream. */
  open(exchange: Exchange, target: Target, socket: Socket, head: Buffer, events: TunnelEvents): void {
    const { req } = exchange;
    const plan = exchange.plan as UpstreamPlan;
    const { path, headers } = plan.requestFor(exchange, target);
    req.url = path;
    req.headers = upgradeHeaders(headers);
    target.inFlight++;
    this.running.set(req, {
      exchange,
      target,
      startedAt: performance.now(),
      isAnswered: false,
      framed: undefined,
      ...events,
    });
    socket.once('close', () => this.leave(req));
    const deadlineMs = Math.min(plan.timeouts.connect + plan.timeouts.first_byte, LONGEST_TIMER_MS);
    void this.upgrade(req, socket, head, deadlineMs);
  }

  carries({ req }: Exchange): boolean {
    return this.running.has(req);
  }

  /** Ends one tunnel: in order if both sides let it, at once after a second. False when the exchange has none. */
  end(exchange: Exchange): boolean {
    const tunnel = this.running.get(exchange.req);
    if (!tunnel) return false;
    tunnel.framed?.close();
    if (!tunnel.framed) exchange.req.socket.destroy();
    else setTimeout(() => exchange.req.socket.destroy(), HALF_OPEN_MS).unref();
    return true;
  }

  /** Ends every tunnel in order: a close frame where bytes flow, an answer where the upstream has given none. */
  sayGoodbye(): void {
    for (const tunnel of this.running.values()) {
      if (tunnel.framed) tunnel.framed.close();
      else if (!tunnel.isAnswered) {
        tunnel.isAnswered = true;
        tunnel.onCutShort();
      }
    }
  }

  /** Closes every tunnel, both ends, at once. */
  closeAll(): void {
    for (const { exchange } of this.running.values()) exchange.req.socket.destroy();
  }

  private async upgrade(req: IncomingMessage, socket: Socket, head: Buffer, deadlineMs: number): Promise<void> {
    try {
      const middleware = await this.middlewareFor(deadlineMs);
      if (!socket.destroyed) middleware.upgrade(req, socket, head);
    } catch (error) {
      this.onError(error as Error, req);
      socket.destroySoon();
    }
  }

  private leave(req: IncomingMessage): void {
    const tunnel = this.running.get(req);
    if (!tunnel) return;
    this.running.delete(req);
    tunnel.target.inFlight--;
  }

  /** The deadline of the handshake is an option of the middleware, so there is one for each value in use. */
  private middlewareFor(deadlineMs: number): Promise<RequestHandler> {
    const made = this.middlewares.get(deadlineMs) ?? this.createMiddleware(deadlineMs);
    this.middlewares.set(deadlineMs, made);
    return made;
  }

  private async createMiddleware(deadlineMs: number): Promise<RequestHandler> {
    // Loaded at the first tunnel: a start would wait 0.1 s for it, and most gateways carry none.
    const { createProxyMiddleware } = await import('http-proxy-middleware');
    return createProxyMiddleware({
      // The router decides; the library insists on a target all the same.
      target: 'http://unused.invalid',
      router: (req: IncomingMessage) => this.running.get(req)?.target.origin ?? 'http://unused.invalid',
      ws: false,
      changeOrigin: false,
      xfwd: false,
      followRedirects: false,
      // This also removes the plugin that registers `on: {…}`, hence a plugin of our own.
      ejectPlugins: true,
      upgradeTimeout: deadlineMs,
      plugins: [this.plugin],
    });
  }

  private readonly plugin: Plugin = (proxy) => {
    proxy.on('error', (error: Error, req?: IncomingMessage) => req && this.onError(error, req));
    proxy.on('proxyReqWs', (upstream: ClientRequest, req: IncomingMessage, socket: Socket) =>
      this.pair(upstream, req, socket),
    );
  };

  private onError(error: Error, req: IncomingMessage): void {
    const tunnel = this.running.get(req);
    if (!tunnel || tunnel.isAnswered || req.socket.destroyed) return;
    const isLate = (error as { code?: string }).code === 'ERR_UPSTREAM_UPGRADE_TIMEOUT';
    this.fail(tunnel, isLate ? 'first_byte_timeout' : failureKind(error, false), error);
  }

  private fail(tunnel: OpenTunnel, kind: FailureKind, cause?: Error): void {
    this.record(tunnel, undefined, kind);
    tunnel.onFailed(new UpstreamFailure(kind, false, cause));
  }

  /** Ties both sockets to each other: the library leaves the upstream's open when we destroy the client's. */
  private pair(upstream: ClientRequest, req: IncomingMessage, client: Socket): void {
    const abandon = (): void => void upstream.destroy();
    client.once('end', abandon).once('close', abandon).resume();
    upstream.once('upgrade', (res: IncomingMessage, socket: Socket) => {
      client.off('end', abandon).off('close', abandon);
      client.once('close', () => socket.destroy());
      socket.once('close', () => client.destroy());
      const tunnel = this.running.get(req);
      if (!tunnel) return;
      // RFC 6455 section 4.1 lets no client accept another protocol than the one it asked for.
      if (res.headers.upgrade?.toLowerCase() !== 'websocket') {
        this.record(tunnel, 101, 'invalid_response');
        return void client.destroy();
      }
      this.record(tunnel, 101, undefined);
      // After the library has connected the two, and before a byte flows: a listener of ours alone would swallow bytes.
      process.nextTick(() => {
        tunnel.framed = new FramedTunnel(client, socket);
      });
      const answer = { status: 101, headers: res.rawHeaders, target: tunnel.target };
      // Later than the library, which takes every timeout off both sockets.
      setImmediate(boundIdle, client, (tunnel.exchange.plan as UpstreamPlan).timeouts.idle_streamed);
      // From here the library writes the head for the client.
      res.headers = upgradeHeaders(tunnel.onOpen(answer));
    });
    queueMicrotask(() => {
      // Its own listener, registered by now and the first, would pass such an answer on with headers nobody looked at.
      const [relay] = upstream.listeners('response');
      if (relay) upstream.off('response', relay as () => void);
      upstream.once('response', (res: IncomingMessage) => this.refuse(res, this.running.get(req)));
    });
  }

  private refuse(res: IncomingMessage, tunnel: OpenTunnel | undefined): void {
    const status = res.statusCode ?? 0;
    if (!tunnel || status < 200 || status > 599) {
      res.destroy();
      if (tunnel) this.fail(tunnel, 'invalid_response');
      return;
    }
    this.record(tunnel, status, undefined);
    tunnel.onRefused({ status, headers: res.rawHeaders, target: tunnel.target }, res);
  }

  private record(tunnel: OpenTunnel, status: number | undefined, failure: FailureKind | undefined): void {
    tunnel.isAnswered = true;
    recordAttempt(tunnel.exchange, tunnel.target, { startedAt: tunnel.startedAt, status, failure });
  }
}

/** Ends a tunnel through which no byte passes in either direction. */
function boundIdle(client: Socket, idleMs: number): void {
  const bound = (): unknown =>
    client.setTimeout(client.readableEnded ? HALF_OPEN_MS : Math.min(idleMs, LONGEST_TIMER_MS));
  bound();
  client.once('end', bound).once('timeout', () => client.destroy());
}

/** A rebuilt header block as the object Node and the library want, with the upgrade put back. */
function upgradeHeaders(flat: readonly string[]): IncomingMessage['headers'] {
  // Without a prototype: a header may be called `constructor`.
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < flat.length; i += 2) {
    const name = (flat[i] as string).toLowerCase();
    const value = flat[i + 1] as string;
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  headers['connection'] = 'Upgrade';
  headers['upgrade'] = 'websocket';
  return headers;
}
