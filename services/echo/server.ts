// A service that answers with the request it received, to show what a gateway forwards.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type ListenOptions, listen, type RunningService, readBody, sendJson, signalClose } from '../http-service.ts';
import { runAlone } from '../run-alone.ts';

interface EchoOptions extends ListenOptions {
  /** Included in every answer, to distinguish two echoes. */
  name?: string;
}

/**
 * Answers every method and path with `{ service, method, path, query, headers, body }`. The request may ask for more:
 * `/status/503` or `x-echo-status: 503` sets the status, `/delay/200` or `x-echo-delay: 200` waits so many
 * milliseconds first, `/bytes/1024` answers with so many bytes instead.
 */
export function startEcho({ name = 'echo', ...options }: EchoOptions): Promise<RunningService> {
  return listen((req, res) => void answer(name, req, res).catch(() => res.destroy()), options);
}

async function answer(service: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://echo');
  const body = await readBody(req);
  const wish = readWish(pathname, req);
  if (wish.delayMs > 0) await delay(wish.delayMs, undefined, { signal: signalClose(res) });
  if (wish.bytes !== undefined) {
    res.writeHead(wish.status, { 'content-type': 'application/octet-stream', 'content-length': wish.bytes });
    res.end(Buffer.alloc(wish.bytes, 'x'));
    return;
  }
  sendJson(res, wish.status, {
    service,
    method: req.method,
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: req.headers,
    body: readable(body, req.headers['content-type']),
  });
}

interface Wish {
  status: number;
  delayMs: number;
  bytes: number | undefined;
}

function readWish(path: string, req: IncomingMessage): Wish {
  const wished = (what: string) => /^\d+$/.exec(path.split(`/${what}/`)[1] ?? '')?.[0] ?? req.headers[`x-echo-${what}`];
  const within = (what: string, lowest: number, highest: number) => {
    const value = wished(what);
    return value === undefined ? undefined : Math.min(Math.max(Number(value) || 0, lowest), highest);
  };
  return {
    status: within('status', 200, 599) ?? 200,
    delayMs: within('delay', 0, 600_000) ?? 0,
    bytes: within('bytes', 0, 64 * 1024 * 1024),
  };
}

/** JSON as its value, other text as a string, an empty body as null. */
function readable(body: Buffer, contentType = ''): unknown {
  if (body.length === 0) return null;
  const text = body.toString('utf8');
  if (!contentType.includes('json')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

if (import.meta.main) await runAlone('echo', startEcho, 5001);
