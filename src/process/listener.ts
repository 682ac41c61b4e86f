import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../errors/catalog.ts';

/** Bounds of the listening side. Sizes in bytes. */
export interface ListenerLimits {
  readonly header_bytes: number;
  readonly connections: number;
}

/** PEM texts; `undefined` = plain HTTP. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
}

export interface ListenerHandlers {
  readonly onRequest: (req: IncomingMessage, res: ServerResponse) => void;
  /** `undefined` where no WebSocket is carried: every offer is ignored there. */
  readonly onUpgrade: ((req: IncomingMessage, socket: Duplex, head: Buffer) => void) | undefined;
  /** A request Node's parser refused before there was one; returns the complete HTTP answer to write, if any. */
  readonly onUnparsed: (code: ErrorCode, reason: string, peer: string) => string;
  /** A connection over the cap was closed without an answer. */
  readonly onDropped: () => void;
}

/**
 * RFC 9110 7.8 lets a server ignore an upgrade it does not want. Only a WebSocket is one we can carry, and only when the
 * offer is a handshake of RFC 6455 section 4.1: a body, which would be read as the tunnel's first bytes, makes it a
 * request like any other.
 */
function wantsWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion !== '1.1' || headers.upgrade?.toLowerCase() !== 'websocket') return false;
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
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
    // The edge counts target and header lines exactly, each up to the limit; Node's one cap stands a little above both.
    maxHeaderSize: 2 * limits.header_bytes + 4 * 1024,
    connectionsCheckingInterval: 1_000,
    headersTimeout: 10_000,
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    noDelay: true,
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: (req: IncomingMessage) => handlers.onUpgrade !== undefined && wantsWebSocket(req),
  };
  const server = tls ? createTlsServer({ ...options, ...tls, ...TLS_OPTIONS }) : createServer(options);
  server.maxRequestsPerSocket = 1_000;
  server.maxConnections = limits.connections;
  // Past a count of its own Node drops lines without a word; the edge counts, and refuses.
  server.maxHeadersCount = 0;
  server.on('request', handlers.onRequest);
  server.on('checkContinue', handlers.onRequest);
  server.on('checkExpectation', handlers.onRequest);
  server.on('upgrade', (req, socket, head) => {
    survive(socket);
    handlers.onUpgrade?.(req, socket, head);
  });
  server.on('connect', (_req, socket) => {
    survive(socket);
    answerUnparsed(socket, 'METHOD_NOT_ALLOWED', 'CONNECT', handlers);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => onClientError(error, socket, handlers));
  server.on('drop', handlers.onDropped);
  return server as Server;
}

/** Node takes its own listener away from a socket it hands over, and a reset by the client would end the process. */
function survive(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
}

function onClientError(error: NodeJS.ErrnoException, socket: Duplex, handlers: ListenerHandlers): void {
  const { code = 'unknown' } = error;
  // Before the TLS handshake has ended nothing can be said, and a socket that should end would wait for it for ever.
  const isUnheard = code === 'ECONNRESET' || code === 'EPIPE' || /^(ERR_TLS_|ERR_SSL_|EPROTO)/.test(code);
  if (isUnheard || !socket.writable) return void socket.destroy();
  answerUnparsed(socket, codeFor(code), code, handlers);
}

function codeFor(code: string): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW' || code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 'HEADERS_TOO_LARGE';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT';
  return code.startsWith('HPE_INVALID_URL') ? 'INVALID_PATH' : 'VALIDATION_ERROR';
}

function answerUnparsed(socket: Duplex, code: ErrorCode, reason: string, handlers: ListenerHandlers): void {
  const { remoteAddress = '', bytesWritten = 0 } = socket as Partial<Socket>;
  const text = handlers.onUnparsed(code, reason, remoteAddress);
  // Bytes already written may belong to an answer that is still running: a second one would corrupt it.
  if (bytesWritten === 0 || isBetweenAnswers(socket)) socket.end(text);
  else socket.destroy();
}

/** True when the last answer on this socket is complete; `_httpMessage` is where Node keeps the running one. */
function isBetweenAnswers(socket: Duplex): boolean {
  return !(socket as { _httpMessage?: unknown })._httpMessage;
}
