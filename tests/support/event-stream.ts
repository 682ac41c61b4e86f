// Event streams as an upstream writes them, over the bare socket.
import type { RawUpstream, Script } from './raw-upstream.ts';

type Call = Parameters<Script>[0];

/** The body of a chat answer with one word per event; `usage` adds the usage event. */
export const ROLE =
  'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n';
export const WORD = 'data: {"choices":[{"index":0,"delta":{"content":"word"},"finish_reason":null}]}\n\n';
export const STOP = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
export const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":11,"total_tokens":18}}\n\n';
export const DONE = 'data: [DONE]\n\n';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Writes the head of a stream once the request has come. */
export async function openStream(call: Call): Promise<void> {
  await call.received;
  await call.write(HEAD);
}

/** Writes one piece as one chunk. */
export function sendPiece(call: Call, piece: string): Promise<void> {
  const bytes = Buffer.from(piece);
  return call.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]));
}

export function endStream(call: Call): Promise<void> {
  return call.write('0\r\n\r\n');
}

/** A whole stream: one chunk per piece, and a regular end. */
export function streaming(...pieces: string[]): Script {
  return async (call) => {
    await openStream(call);
    for (const piece of pieces) await sendPiece(call, piece);
    await endStream(call);
  };
}

/** The stream so far, then nothing until `release` is called, then the rest and the end. */
export function pausing(before: string[], after: string[]): { script: Script; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const script: Script = async (call) => {
    await openStream(call);
    for (const piece of before) await sendPiece(call, piece);
    await promise;
    for (const piece of after) await sendPiece(call, piece);
    await endStream(call);
  };
  return { script, release: resolve };
}

/** The upstream's last request, as JSON. */
export function lastBody(upstream: RawUpstream): Record<string, unknown> {
  return JSON.parse(upstream.requests.at(-1)?.body.toString() ?? '');
}
