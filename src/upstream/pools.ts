import { isIP, type Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import type { TargetTls } from './target-tls.ts';
import type { Target } from './targets.ts';
import { Wire } from './wire.ts';

/** How connections to one target are opened, for requests, health checks and WebSockets alike. */
export interface ConnectionRules {
  readonly connectMs: number;
  readonly tls?: Pick<TargetTls, 'current'> | undefined;
}

/**
 * Opens connections to one target. The name asked for (SNI) and verified is the target's, whatever undici makes of a
 * `Host` line: that one may be the caller's. An address is verified as an address, and is no SNI (RFC 6066 3).
 */
export function connectorTo(
  { tlsName = '' }: Pick<Target, 'tlsName'>,
  rules: ConnectionRules,
): buildConnector.connector {
  const isName = tlsName !== '' && isIP(tlsName) === 0;
  const build = (material = rules.tls?.current) => ({
    material,
    connect: buildConnector({ allowH2: false, timeout: rules.connectMs, ...material }),
  });
  let built = build();
  return ({ servername: _fromHost, host: _alsoFromHost, ...to }, callback) => {
    if (built.material !== rules.tls?.current) built = build();
    built.connect(isName ? { ...to, servername: tlsName } : to, callback);
  };
}

/** The sender of a request learns which connection it uses. */
interface WireUser {
  wire: Wire | undefined;
}

/** One connection of a pool, or the attempt to open one. */
class Connection extends Client {
  readonly wire: Wire;

  constructor(origin: URL, options: Client.Options, connect: buildConnector.connector, mostHeadBytes: number) {
    const wire = new Wire(mostHeadBytes);
    super(origin, {
      ...options,
      connect: (to, callback) =>
        connect(to, (...[error, socket]) => {
          if (error) return callback(error, null);
          wire.attach(socket as Socket);
          callback(null, socket as Socket);
        }),
    });
    this.wire = wire;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler & WireUser): boolean {
    handler.wire = this.wire;
    return super.dispatch(options, handler);
  }
}

/** Limits of the connections to all targets. */
export interface ConnectionBounds {
  /** Of an answer's head. */
  readonly headerBytes: number;
  /** So old may a connection be and still take another request: so a name that moved is noticed under load, too. */
  readonly ageMs: number;
}

const BOUNDS: ConnectionBounds = { headerBytes: 64 * 1024, ageMs: 300_000 };

/** One keep-alive pool per target. The target's in-flight cap is checked first, so nothing ever queues in the pool. */
export class UpstreamPools {
  private readonly pools = new Map<Target, Pool>();
  private readonly connectors = new Map<Target, buildConnector.connector>();

  /** `connectMs` bounds the TCP and TLS handshake; undici rounds it up to about a second, our own deadline does not. */
  open(target: Target, rules: ConnectionRules, { headerBytes, ageMs }: ConnectionBounds = BOUNDS): void {
    const connect = connectorTo(target, rules);
    const pool = new Pool(target.origin, {
      connections: target.maxConnections,
      pipelining: 1,
      allowH2: false,
      clientTtl: ageMs,
      // Every deadline is ours: undici's are coarse, restart on each 1xx and do not run while a request is queued.
      headersTimeout: 0,
      bodyTimeout: 0,
      // The wire bounds the head, and says so when it is too large.
      maxHeaderSize: headerBytes,
      factory: (origin, options) => new Connection(origin, options, connect, headerBytes),
    });
    this.pools.set(target, pool);
    this.connectors.set(target, connect);
  }

  of(target: Target): Pool {
    const pool = this.pools.get(target);
    if (!pool) throw new Error(`no pool was opened for ${target.name}`);
    return pool;
  }

  /** Opens a connection of its own, for a tunnel. */
  dial(target: Target): Promise<Socket> {
    const { protocol, host, hostname, port } = new URL(target.origin);
    const connect = this.connectors.get(target);
    if (!connect) throw new Error(`no pool was opened for ${target.name}`);
    const to = { protocol, host, port, hostname: hostname.replace(/^\[|\]$/g, '') };
    return new Promise((resolve, reject) => {
      connect(to, (...[error, socket]) => (error ? reject(error) : resolve(socket as Socket)));
    });
  }

  /** Resolves when every running request has ended; idle connections close at once. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.pools.values()].map((pool) => pool.close()));
  }

  /** Drops every connection now. */
  async destroy(): Promise<void> {
    await Promise.allSettled([...this.pools.values()].map((pool) => pool.destroy()));
  }
}
