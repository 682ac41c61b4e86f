import type { Dialect, ErrorContext } from './dialect.ts';
import type { Rejection } from './rejection.ts';
import { anthropicBody, envelopeBody, openaiBody, problemBody, simpleBody } from './render-bodies.ts';

interface RenderedError {
  readonly status: number;
  /** name, value, name, value … Complete except for what every answer carries (`X-Request-Id`, limit headers, CORS). */
  readonly headers: string[];
  readonly body: string;
}

/** One answer shape per dialect; RFC 9457, the OpenAI and Anthropic error objects, and two older gateways' own. */
const BODIES: Readonly<Record<Dialect, (rejection: Rejection, context: ErrorContext) => object>> = {
  problem: problemBody,
  openai: openaiBody,
  anthropic: anthropicBody,
  simple: simpleBody,
  envelope: envelopeBody,
};

/**
 * The whole answer for a refusal. The body is JSON in the dialect's shape; the headers name its type and exact length,
 * forbid sniffing and caching, and repeat those of the rejection. A known wait is sent as `Retry-After` on 429 and 503.
 */
export function renderRejection(rejection: Rejection, dialect: Dialect, context: ErrorContext): RenderedError {
  const body = toJson(BODIES[dialect](rejection, context));
  const headers = [
    'Content-Type',
    dialect === 'problem' ? 'application/problem+json' : 'application/json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'X-Content-Type-Options',
    'nosniff',
    'Cache-Control',
    'no-store',
  ];
  for (const name in rejection.headers) headers.push(name, rejection.headers[name] as string);
  pushWait(headers, rejection);
  if (rejection.closes) headers.push('Connection', 'close');
  return { status: rejection.status, headers, body };
}

/**
 * The one event that ends a stream which can no longer be answered with a status. It never resembles a regular end:
 * clients must see that what they hold is incomplete.
 */
export function renderStreamError(rejection: Rejection, dialect: Dialect, context: ErrorContext): string {
  const data = toJson(BODIES[dialect](rejection, context));
  return dialect === 'openai' ? `data: ${data}\n\n` : `event: error\ndata: ${data}\n\n`;
}

/** An error may repeat text from the client. Without `<`, no reader can mistake that text for markup. */
function toJson(body: object): string {
  return JSON.stringify(body).replaceAll('<', '\\u003c');
}

/** `retry-after-ms` is what the OpenAI and Anthropic clients look at first. */
function pushWait(headers: string[], rejection: Rejection): void {
  const seconds = rejection.facts?.retryAfterSeconds;
  if (seconds === undefined || (rejection.status !== 429 && rejection.status !== 503)) return;
  if (!hasHeader(rejection, 'retry-after')) headers.push('Retry-After', String(seconds));
  if (!hasHeader(rejection, 'retry-after-ms')) headers.push('Retry-After-Ms', String(seconds * 1000));
}

function hasHeader(rejection: Rejection, name: string): boolean {
  for (const present in rejection.headers) if (present.toLowerCase() === name) return true;
  return false;
}
