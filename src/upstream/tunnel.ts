import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Plugin } from 'http-proxy-middleware';

/** How the upstream answers a handshake; exactly one of these is called, and `onError` perhaps after another one. */
export interface HandshakeEvents {
  /** The upstream agreed. `head`: bytes that came with its answer. */
  readonly onUpgrade: (answer: IncomingMessage, upstream: Socket, head: Buffer) => void;
  /** It answered with something else, and that body must be read. */
  readonly onResponse: (answer: IncomingMessage) => void;
  readonly onError: (error: Error) => void;
}

const NO_BYTES = Buffer.alloc(0);

/**
 * Sends the WebSocket handshake that `req` has become over a connection that is already open. The library sees only
 * sanitised requests, none of its default handlers is active, and what it would do with the answer is left to us: it
 * writes to the client at once, and then nothing could be asked of another target.
 */
export async function sendHandshake(
  req: IncomingMessage,
  client: Socket,
  upstream: Socket,
  events: HandshakeEvents,
): Promise<ClientRequest> {
  // Loaded at the first tunnel: a start would wait 0.1 s for it, and most gateways carry none.
  const { createProxyMiddleware } = await import('http-proxy-middleware');
  return new Promise((resolve) => {
    const plugin: Plugin = (proxy) => {
      proxy.on('error', (error: Error) => {
        keepOpen(client);
        events.onError(error);
      });
      proxy.on('proxyReqWs', (sent: ClientRequest) => {
        // The library adds its own listeners as soon as this one returns.
        queueMicrotask(() => {
          sent.removeAllListeners('upgrade').once('upgrade', events.onUpgrade);
          sent.removeAllListeners('response').once('response', events.onResponse);
        });
        resolve(sent);
      });
    };
    const middleware = createProxyMiddleware({
      // The connection decides where the request goes; the library insists on a target all the same.
      target: 'http://unused.invalid',
      agent: new SingleConnection(upstream),
      ws: false,
      changeOrigin: false,
      xfwd: false,
      followRedirects: false,
      // This also removes the plugin that registers `on: {…}`, hence a plugin of our own.
      ejectPlugins: true,
      plugins: [plugin],
    });
    middleware.upgrade(req, client, NO_BYTES);
  });
}

/** The library ends the client's connection as soon as its error has been heard. Another target may still be asked. */
function keepOpen(client: Socket): void {
  Object.defineProperty(client, 'end', { configurable: true, value: () => client });
  queueMicrotask(() => Reflect.deleteProperty(client, 'end'));
}

class SingleConnection extends Agent {
  private readonly connection: Socket;

  constructor(connection: Socket) {
    super({ keepAlive: false });
    this.connection = connection;
  }

  override createConnection(): Socket {
    return this.connection;
  }
}

/** A rebuilt header block as the object Node and the library want, with the upgrade put back. */
export function upgradeHeaders(flat: readonly string[]): IncomingMessage['headers'] {
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
