// An HTTP server that does nothing but read requests at the edge and tell how it understood them.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Rejection } from '../../src/errors/rejection.ts';
import { compileEdgeRules, type EdgeOptions, parseEdge } from '../../src/edge/edge.ts';
import type { EdgeRequest } from '../../src/edge/edge-request.ts';

export interface EdgeServer {
  readonly url: string;
  /** Every request the edge let through, in order. */
  readonly accepted: readonly EdgeRequest[];
  close(): Promise<void>;
}

export const EDGE_DEFAULTS: EdgeOptions = {
  trustProxy: () => false,
  credentialHeaders: new Set(['x-api-key', 'x-master-key']),
  viaPseudonym: 'turnpike-0a1b2c3d',
  limits: { targetBytes: 16_384, headerBytes: 16_384, headerCount: 100 },
  scheme: 'http',
};

/** Answers 200 with the body's length, or the refusal's status with its code as the body. */
export async function startEdgeServer(options: Partial<EdgeOptions> = {}): Promise<EdgeServer> {
  const rules = compileEdgeRules({ ...EDGE_DEFAULTS, ...options });
  const accepted: EdgeRequest[] = [];
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    const edge = parseEdge(req, rules);
    if (edge instanceof Rejection) return refuse(edge, res);
    accepted.push(edge);
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    req.on('end', () => res.end(String(length)));
  };
  const server = createServer({ requireHostHeader: false, maxHeaderSize: 65_536, shouldUpgradeCallback: () => false });
  server.maxHeadersCount = 0;
  server.on('request', handle).on('checkContinue', handle).on('checkExpectation', handle);
  server.on('connect', (req: IncomingMessage, socket: Duplex) => {
    const edge = parseEdge(req, rules);
    socket.end(`HTTP/1.1 ${edge instanceof Rejection ? edge.status : 200} x\r\nConnection: close\r\n\r\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function refuse(rejection: Rejection, res: ServerResponse): void {
  if (rejection.closes) res.shouldKeepAlive = false;
  res.writeHead(rejection.status, { ...rejection.headers });
  res.end(rejection.code);
}
