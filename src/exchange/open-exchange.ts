import type { IncomingMessage, ServerResponse } from 'node:http';
import { Rejection } from '../errors/rejection.ts';
import type { BufferPlanes } from './buffer-planes.ts';
import type { ClientConnection } from '../edge/client-connection.ts';
import { clientIp, unmapAddress } from '../edge/client-ip.ts';
import { Deadline, type DeadlineWatch } from './deadline.ts';
import { type EdgeRules, parseEdge } from '../edge/edge.ts';
import type { EdgeRequest } from '../edge/edge-request.ts';
import { Exchange } from './exchange.ts';
import { HeaderList } from '../edge/header-list.ts';
import { RequestBody } from './request-body.ts';
import type { RequestIds } from '../edge/request-id.ts';

interface Surroundings {
  readonly watch: DeadlineWatch;
  readonly requestIds: RequestIds;
  readonly planes: BufferPlanes;
}

/** An exchange, and why it must be refused when the request could not be read. */
export interface Opened {
  readonly exchange: Exchange;
  readonly refusal: Rejection | undefined;
}

/**
 * Begins the record of one request. A request that cannot be read still gets its exchange, with nothing in it that a
 * client wrote, so that it is answered, logged and counted like every other.
 */
export function openExchange(
  req: IncomingMessage,
  res: ServerResponse,
  connection: ClientConnection,
  rules: EdgeRules,
  around: Surroundings,
): Opened {
  const startedAt = around.watch.clock.monotonic();
  const parsed = parseEdge(req, rules);
  const refusal = parsed instanceof Rejection ? parsed : undefined;
  const edge = parsed instanceof Rejection ? unreadable(req) : parsed;
  const deadline = new Deadline(around.watch, res);
  const exchange = new Exchange({
    id: around.requestIds.of(edge.headers),
    edge,
    req,
    res,
    startedAt,
    clientIp: clientIp(edge, rules.options.trustProxy),
    body: new RequestBody(req, res, edge, { planes: around.planes, deadline }),
    deadline,
    connection,
  });
  return { exchange, refusal };
}

const NO_HEADERS = new HeaderList([], []);

function unreadable(req: IncomingMessage): EdgeRequest {
  return {
    method: req.method ?? '',
    path: '',
    query: '',
    host: '',
    authority: '',
    headers: NO_HEADERS,
    hasUnderscoreName: false,
    scheme: 'http',
    httpVersion: req.httpVersion,
    peer: unmapAddress(req.socket.remoteAddress ?? ''),
    isPeerTrusted: false,
    contentLength: undefined,
    chunked: false,
    expectContinue: false,
    upgrade: undefined,
    hasEncodedSlash: false,
    hasEmptySegment: false,
  };
}
