import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { BufferPlanes } from '../../src/exchange/buffer-planes.ts';
import { Deadline, DeadlineWatch } from '../../src/exchange/deadline.ts';
import { ClientConnection, type ConnectionRules } from '../../src/edge/client-connection.ts';
import type { EdgeRequest } from '../../src/edge/edge-request.ts';
import { Exchange } from '../../src/exchange/exchange.ts';
import { HeaderList } from '../../src/edge/header-list.ts';
import { RequestBody } from '../../src/exchange/request-body.ts';
import { Guard } from '../../src/lib/guard.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';

const NO_RULES: ConnectionRules = {
  mostAtOnce: 1,
  takesUpgrades: false,
  guard: new Guard(() => undefined),
  onRequest: () => undefined,
  onUnparsed: () => '',
};

/** A connection without listeners, for answers that are written without one of ours. */
export function buildConnection(socket: Socket): ClientConnection {
  return new ClientConnection(socket, NO_RULES);
}

/** A real exchange without a connection: what policies that never touch the wire are given. */
export function buildExchange(edge: Partial<EdgeRequest> = {}, clock: Clock = systemClock): Exchange {
  const req = new IncomingMessage(new Socket());
  const res = new ServerResponse(req);
  const deadline = new Deadline(new DeadlineWatch(clock, new Guard(() => undefined)));
  const request: EdgeRequest = {
    method: 'GET',
    path: '/',
    query: '',
    host: 'gateway.test',
    authority: 'gateway.test',
    headers: HeaderList.from([]),
    hasUnderscoreName: false,
    scheme: 'http',
    httpVersion: '1.1',
    peer: '127.0.0.1',
    isPeerTrusted: false,
    contentLength: undefined,
    chunked: false,
    expectContinue: false,
    upgrade: undefined,
    hasEncodedSlash: false,
    hasEmptySegment: false,
    ...edge,
  };
  const body = new RequestBody(req, res, request, {
    planes: new BufferPlanes({ buffered_bytes: 1024 * 1024, caller_share: 100 }),
    deadline,
  });
  return new Exchange({
    id: 'req_test',
    edge: request,
    req,
    res,
    startedAt: 0,
    clientIp: request.peer,
    body,
    deadline,
    connection: buildConnection(req.socket),
  });
}
