// What every sample service shares: a listening server, a JSON body in, a JSON answer out.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ListenOptions {
  /** 0 takes any free port. */
  port: number;
  /** Default 127.0.0.1. */
  host?: string | undefined;
}

export interface RunningService {
  readonly url: string;
  readonly port: number;
  /** Ends the server and every open connection. */
  close(): Promise<void>;
}

/** Rejects with the `code` of the system, such as EADDRINUSE, when it cannot listen. */
export async function listen(handler: RequestListener, options: ListenOptions): Promise<RunningService> {
  const host = options.host ?? '127.0.0.1';
  // Longer than a gateway keeps idle connections, so that it is never we who close one that is just being used.
  const server = createServer({ keepAliveTimeout: 75_000 }, handler);
  server.listen(options.port, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, port, close };
}

export async function readBody(req: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await req.toArray());
}

/** The body as a JSON object, or undefined when it is anything else. */
export async function readJsonObject(req: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = JSON.parse((await readBody(req)).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Aborted when the connection has closed or the answer is complete, so that no timer outlives its client. */
export function signalClose(res: ServerResponse): AbortSignal {
  const closing = new AbortController();
  res.once('close', () => closing.abort());
  return closing.signal;
}

export function sendJson(res: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
}
