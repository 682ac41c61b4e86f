/**
 * AWS Lambda: events become HTTP requests to a gateway in this process, and its answers become results. A request meets
 * the gateway's own request path, as everywhere else.
 */

import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { processEnvironment } from '../config/env.ts';
import { type RunningGateway, startGateway } from '../main.ts';

/** An event of a function URL or an HTTP API, payload format 2.0. */
export interface HttpEvent {
  readonly version: string;
  readonly rawPath: string;
  readonly rawQueryString: string;
  /** Names in lower case; several lines of one name joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
  readonly requestContext: { readonly domainName?: string; readonly http: { method: string; sourceIp: string } };
}

interface AnswerHead {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly cookies: readonly string[];
}

export interface HttpResult extends AnswerHead {
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** What the runtime adds as `awslambda` for functions that answer in streams. */
interface ResponseStreams {
  from(stream: Writable, head: AnswerHead): Writable;
}

/** Set by the adapter itself, or meaningless behind it. */
const DROPPED = new Set(['connection', 'content-length', 'forwarded', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** Starts once per container and is kept between invocations; a failed start is tried again by the next one. */
class WarmGateway {
  private starting: Promise<RunningGateway> | undefined;

  get(): Promise<RunningGateway> {
    this.starting ??= this.start().catch((error: unknown) => {
      this.starting = undefined;
      throw error;
    });
    return this.starting;
  }

  private start(): Promise<RunningGateway> {
    const file = resolve(processEnvironment()['TURNPIKE_CONFIG'] ?? 'gateway_config.yaml');
    // The only folder a function may write to: a relative settings.data_dir is meant to be there.
    process.chdir(tmpdir());
    return startGateway({ file, version: readVersion(), flags: { '--host': '127.0.0.1', '--port': '0' } });
  }
}

/** The one exception to "no state in a module": a container is reused by calling the module's export again. */
const warm = new WarmGateway();

/** For invoke mode BUFFERED: resolves with the whole answer, at most 6 MB by AWS's own limit. */
export async function handler(event: HttpEvent): Promise<HttpResult> {
  const res = await ask(event);
  const body = await buffer(res);
  return { ...headOf(res), body: body.toString('base64'), isBase64Encoded: true };
}

/** For invoke mode RESPONSE_STREAM of a function URL: the answer leaves as it comes. */
export async function streamAnswer(event: HttpEvent, stream: Writable, streams: ResponseStreams): Promise<void> {
  const res = await ask(event);
  await pipeline(res, streams.from(stream, headOf(res)));
}

async function ask(event: HttpEvent): Promise<IncomingMessage> {
  const { url } = await warm.get();
  const { method } = event.requestContext.http;
  const query = event.rawQueryString === '' ? '' : `?${event.rawQueryString}`;
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  return new Promise((answered, failed) => {
    const { hostname, port } = new URL(url);
    const headers = headersOf(event, body.length);
    const req = request({ host: hostname, port, method, path: `${event.rawPath}${query}`, headers }, answered);
    req.on('error', failed).end(body);
  });
}

/** The caller's address is what AWS saw, never what the caller wrote. `settings.trust_proxy: [loopback]` believes it. */
function headersOf({ headers, cookies, requestContext }: HttpEvent, length: number): IncomingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => !DROPPED.has(name) && !name.startsWith('x-forwarded-'));
  return {
    ...Object.fromEntries(kept),
    ...(cookies && cookies.length > 0 ? { cookie: cookies.join('; ') } : {}),
    'x-forwarded-for': requestContext.http.sourceIp,
    'x-forwarded-proto': 'https',
    ...(length > 0 ? { 'content-length': String(length) } : {}),
  };
}

function headOf({ statusCode = 502, headers }: IncomingMessage): AnswerHead {
  const { 'set-cookie': cookies = [], ...others } = headers;
  const kept = Object.entries(others).filter(([name, value]) => !DROPPED.has(name) && value !== undefined);
  return { statusCode, headers: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])), cookies };
}

function readVersion(): string {
  // Two folders up from the sources as well as from the package.
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
