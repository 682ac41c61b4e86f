import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Plugin, RequestHandler } from 'http-proxy-middleware';
import type { Exchange, UpstreamPlan } from '../exchange/exchange.ts';
import { UpstreamFailure } from './attempt.ts';
import { failureKind } from './failure-kinds.ts';
import type { Target } from './targets.ts';

interface OpenTunnel {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly startedAt: number;
  readonly onOpen: () => void;
  readonly onFailed: (failure: UpstreamFailure) => void;
}

/** What happens to one tunnel after `open`; exactly one of the two is called. */
export interface TunnelEvents {
  /** The upstream agreed: bytes flow both ways until either side closes. */
  onOpen(): void;
  /** The upstream did not agree and nothing was written to the client yet. */
  onFailed(failure: UpstreamFailure): void;
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
    req.url = plan.pathFor(exchange, target);
    req.headers = upgradeHeaders(plan.headersFor(exchange, target));
    target.inFlight++;
    this.running.set(req, { exchange, target, startedAt: performance.now(), ...events });
    socket.once('close', () => this.end(req));
    const deadlineMs = Math.min(plan.timeouts.connect + plan.timeouts.first_byte, 2 ** 31 - 1);
    void this.upgrade(req, socket, head, deadlineMs);
  }

  /** Closes every tunnel, both ends. */
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

  private end(req: IncomingMessage): void {
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
    if (!tunnel || req.socket.bytesWritten > 0 || req.socket.destroyed) return;
    const kind =
      (error as { code?: string }).code === 'ERR_UPSTREAM_UPGRADE_TIMEOUT'
        ? 'first_byte_timeout'
        : failureKind(error, false);
    this.record(tunnel, undefined, kind);
    tunnel.onFailed(new UpstreamFailure(kind, false, error));
  }

  /** Ties both sockets to each other: the library leaves the upstream's open when we destroy the client's. */
  private pair(upstream: ClientRequest, req: IncomingMessage, client: Socket): void {
    const abandon = (): void => void upstream.destroy();
    client.once('end', abandon).once('close', abandon).resume();
    upstream.once('upgrade', (_res: IncomingMessage, socket: Socket) => {
      client.off('end', abandon).off('close', abandon);
      client.once('close', () => socket.destroy());
      socket.once('close', () => client.destroy());
      const tunnel = this.running.get(req);
      if (!tunnel) return;
      this.record(tunnel, 101, undefined);
      tunnel.onOpen();
    });
  }

  private record(tunnel: OpenTunnel, status: number | undefined, failure: string | undefined): void {
    const durationMs = performance.now() - tunnel.startedAt;
    tunnel.exchange.attempts.push({ target: tunnel.target.name, durationMs, status, failure });
  }
}

/** The rebuilt header block as the object Node's client wants, with the upgrade offer put back. */
function upgradeHeaders(flat: readonly string[]): IncomingMessage['headers'] {
  const headers: Record<string, string | string[]> = {};
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
