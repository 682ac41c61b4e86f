// The gateway's listener and edge with nothing behind them: it reads requests and says how it understood them.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClientConnection } from '../../src/edge/client-connection.ts';
import { compileEdgeRules, type EdgeOptions, parseEdge } from '../../src/edge/edge.ts';
import type { EdgeRequest } from '../../src/edge/edge-request.ts';
import { ERROR_CATALOG } from '../../src/errors/catalog.ts';
import { Rejection } from '../../src/errors/rejection.ts';
import { createListener } from '../../src/process/listener.ts';

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
  const handle = (req: IncomingMessage, res: ServerResponse, connection: ClientConnection): void => {
    const edge = parseEdge(req, rules);
    if (edge instanceof Rejection) return refuse(edge, res, connection);
    accepted.push(edge);
    if (req.readableEnded) return void res.end('0');
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    req.on('end', () => res.end(String(length)));
  };
  const server = createListener(
    { header_bytes: 30_720, connections: 1_000, connections_per_address: 1_000, pipelining: 1 },
    undefined,
    {
      onRequest: handle,
      onUpgrade: undefined,
      onUnparsed: (code) => `HTTP/1.1 ${ERROR_CATALOG[code].status} x\r\nConnection: close\r\n\r\n`,
      isTrustedPeer: () => false,
      onDropped: () => undefined,
      onEscape: (error) => {
        throw error;
      },
    },
  );
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

function refuse(rejection: Rejection, res: ServerResponse, connection: ClientConnection): void {
  if (rejection.closes) connection.close(res);
  res.writeHead(rejection.status, { ...rejection.headers });
  res.end(rejection.code);
}
