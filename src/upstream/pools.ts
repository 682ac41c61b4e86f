import type { Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import type { Target } from './targets.ts';
import { Wire } from './wire.ts';

/** TLS material towards one target, as text. Certificates of targets are always verified. */
export interface TargetTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly server_name?: string | undefined;
}

/** The same in the words of Node's TLS sockets, for everything that connects to the target. */
export function tlsOptions(tls: TargetTls | undefined): {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
} {
  return {
    ...(tls?.ca && { ca: tls.ca }),
    ...(tls?.cert && { cert: tls.cert }),
    ...(tls?.key && { key: tls.key }),
    ...(tls?.server_name && { servername: tls.server_name }),
  };
}

/** Whoever sends a request learns on which connection it goes out. */
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

/** Bytes of an answer's head. */
const MOST_HEAD_BYTES = 64 * 1024;

/** One keep-alive pool per target. The target's own in-flight cap stands before it, so nothing ever queues inside. */
export class UpstreamPools {
  private readonly pools = new Map<Target, Pool>();

  /** `connectMs` bounds the TCP and TLS handshake; undici rounds it up to about a second, our own deadline does not. */
  open(target: Target, connectMs: number, tls: TargetTls | undefined): void {
    const connect = buildConnector({ allowH2: false, timeout: connectMs, ...tlsOptions(tls) });
    const pool = new Pool(target.origin, {
      connections: target.maxConnections,
      pipelining: 1,
      allowH2: false,
      // Every deadline is ours: undici's are coarse, restart on each 1xx and do not run while a request is queued.
      headersTimeout: 0,
      bodyTimeout: 0,
      // The wire bounds the head, and says so when it is too large.
      maxHeaderSize: MOST_HEAD_BYTES,
      factory: (origin, options) => new Connection(origin, options, connect, MOST_HEAD_BYTES),
    });
    this.pools.set(target, pool);
  }

  of(target: Target): Pool {
    const pool = this.pools.get(target);
    if (!pool) throw new Error(`no pool was opened for ${target.name}`);
    return pool;
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
