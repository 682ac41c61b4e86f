import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ClientConnection, type ConnectionRules, HEAD_WITHIN_MS } from '../edge/client-connection.ts';
import type { ErrorCode } from '../errors/catalog.ts';
import type { AddressSet } from '../lib/address-set.ts';
import { ConnectionShares } from './connection-shares.ts';
import { Guard, type ReportEscape } from '../lib/guard.ts';

/** Bounds of the listening side. Sizes in bytes. */
export interface ListenerLimits {
  readonly header_bytes: number;
  readonly connections: number;
  readonly connections_per_address: number;
  /** Requests of one connection that run at once. */
  readonly pipelining: number;
}

/** PEM texts; `undefined` = plain HTTP. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
}

export interface ListenerHandlers {
  readonly onRequest: (req: IncomingMessage, res: ServerResponse, connection: ClientConnection) => void;
  /** `undefined` where no WebSocket is carried: every offer is ignored there. */
  readonly onUpgrade:
    | ((req: IncomingMessage, socket: Socket, head: Buffer, connection: ClientConnection) => void)
    | undefined;
  /** Called for bytes that are not a readable request; returns the complete HTTP answer to write. */
  readonly onUnparsed: (code: ErrorCode, reason: string, peer: string) => string;
  /** Peers that may open any number of connections. */
  readonly isTrustedPeer: AddressSet;
  /** A connection over the cap was closed without an answer. */
  readonly onDropped: () => void;
  /** A listener or a timer threw an unexpected error. */
  readonly onEscape: ReportEscape;
}

/** The handshake is given as long as headers: Node's own two minutes would keep silent connections. */
const TLS_OPTIONS = { ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.2', handshakeTimeout: 10_000 } as const;

/**
 * A server with every bound set and nothing left to Node's defaults: strict parsing, a deadline for headers that is
 * checked each second, a cap on connections and on requests per connection. Header checks beyond the grammar are the
 * edge's.
 */
export function createListener(
  limits: ListenerLimits,
  tls: ListenerTls | undefined,
  handlers: ListenerHandlers,
): Server {
  const options = {
    insecureHTTPParser: false,
    requireHostHeader: false,
    // The edge counts target and header lines exactly, each up to the limit; Node's single cap is a little above both.
    maxHeaderSize: 2 * limits.header_bytes + 4 * 1024,
    connectionsCheckingInterval: 1_000,
    headersTimeout: HEAD_WITHIN_MS,
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    noDelay: true,
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: (req: IncomingMessage) => connections.get(req.socket)?.upgrades(req) ?? false,
  };
  const server = tls ? createTlsServer({ ...options, ...tls, ...TLS_OPTIONS }) : createServer(options);
  // The connection counts its requests itself: Node would answer those past its own count.
  server.maxRequestsPerSocket = 0;
  server.maxConnections = limits.connections;
  // A client that has ended its side may be waiting for its answers; the connection looks after it.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Past a count of its own Node drops lines without a word; the edge counts, and refuses.
  server.maxHeadersCount = 0;
  const guard = new Guard(handlers.onEscape);
  shareConnections(server as Server, limits, handlers, guard);
  const connections = trackConnections(server as Server, tls !== undefined, {
    mostAtOnce: limits.pipelining,
    takesUpgrades: handlers.onUpgrade !== undefined,
    guard,
    onRequest: handlers.onRequest,
    onUnparsed: handlers.onUnparsed,
  });
  listen(server as Server, connections, handlers, guard);
  return server as Server;
}

type Connections = WeakMap<object, ClientConnection>;

function trackConnections(server: Server, isTls: boolean, rules: ConnectionRules): Connections {
  const connections: Connections = new WeakMap();
  const begin = (socket: Socket): void => {
    const connection = new ClientConnection(socket, rules);
    connections.set(socket, connection);
    socket.once('end', () => connection.endRequests()).once('close', () => connection.end());
  };
  server.on(isTls ? 'secureConnection' : 'connection', rules.guard.listener('connection', itself, begin));
  return connections;
}

/** Checks each connection, before anything is read, for too many connections of its client. */
function shareConnections(server: Server, limits: ListenerLimits, handlers: ListenerHandlers, guard: Guard): void {
  const shares = new ConnectionShares(limits.connections_per_address, handlers.isTrustedPeer);
  const admit = (socket: Socket): void => {
    if (shares.admit(socket)) return;
    socket.destroy();
    handlers.onDropped();
  };
  server.on('connection', guard.listener('connection', itself, admit));
}

/** Every event by which Node hands over what a client sent: none of them may throw into the event loop. */
function listen(server: Server, connections: Connections, handlers: ListenerHandlers, guard: Guard): void {
  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    try {
      connections.get(req.socket)?.arrive(req, res);
    } catch (error) {
      guard.escaped(error, 'request', req.socket);
    }
  };
  server.on('request', onRequest).on('checkContinue', onRequest).on('checkExpectation', onRequest);
  const onUpgrade = (req: IncomingMessage, stream: Duplex, head: Buffer): void => {
    survive(stream);
    const connection = connections.get(req.socket);
    if (connection && handlers.onUpgrade) handlers.onUpgrade(req, stream as Socket, head, connection);
    else stream.destroy();
  };
  server.on(
    'upgrade',
    guard.listener('upgrade', (req, _stream, _head) => req.socket, onUpgrade),
  );
  const onConnect = (req: IncomingMessage, stream: Duplex): void => {
    survive(stream);
    takeOver(req.socket);
    connections.get(req.socket)?.refuse('METHOD_NOT_ALLOWED', 'CONNECT');
  };
  server.on(
    'connect',
    guard.listener('connect', (req, _stream) => req.socket, onConnect),
  );
  const onError = (error: NodeJS.ErrnoException, socket: Duplex): void =>
    onClientError(error, socket, connections.get(socket));
  server.on(
    'clientError',
    guard.listener('client_error', (_error, socket) => socket, onError),
  );
  server.on(
    'drop',
    guard.listener('drop', () => undefined, handlers.onDropped),
  );
}

function itself(socket: Socket): Socket {
  return socket;
}

/** Node takes its own listener away from a socket it hands over, and a reset by the client would end the process. */
function survive(stream: Duplex): void {
  stream.on('error', () => stream.destroy());
}

/** When Node hands over a socket, it removes handlers that an answer still being sent on it needs. */
function takeOver(socket: Socket): void {
  survive(socket);
  socket.on('drain', () => (socket as { _httpMessage?: ServerResponse | null })._httpMessage?.emit('drain'));
  // Bytes that the client sends after its handshake are not needed here.
  socket.resume();
}

function onClientError(error: NodeJS.ErrnoException, socket: Duplex, connection: ClientConnection | undefined): void {
  const { code = 'unknown' } = error;
  // Before the TLS handshake has ended nothing can be sent, and ending the socket gracefully would wait for it forever.
  const isUnheard = code === 'ECONNRESET' || code === 'EPIPE' || /^(ERR_TLS_|ERR_SSL_|EPROTO)/.test(code);
  if (isUnheard || !connection) return void socket.destroy();
  if (code === 'HPE_CLOSED_CONNECTION') return connection.ignoreRest();
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return connection.refuseLateHead();
  connection.refuse(codeFor(code, (error as { reason?: string }).reason), code);
}

function codeFor(code: string, reason: string | undefined): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW' || code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 'HEADERS_TOO_LARGE';
  // With any other reason it is no version at all.
  if (code === 'HPE_INVALID_VERSION' && reason === 'Invalid HTTP version') return 'UNSUPPORTED_VERSION';
  return code.startsWith('HPE_INVALID_URL') ? 'INVALID_PATH' : 'VALIDATION_ERROR';
}
