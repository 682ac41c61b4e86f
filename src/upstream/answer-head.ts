import type { Exchange } from '../exchange/exchange.ts';

/** How the body behind a header block is to be written. */
interface Framing {
  /** Bytes; `undefined` when the head names no length. */
  readonly length: number | undefined;
  readonly isEventStream: boolean;
}

/** Of headers as flat names and values. latin1 keeps every byte a header may carry. */
export function textHeaders(raw: readonly Buffer[]): string[] {
  const headers = new Array<string>(raw.length);
  for (let i = 0; i < raw.length; i++) headers[i] = (raw[i] as Buffer).toString('latin1');
  return headers;
}

/** The targets a 103 response names for preloading: its `Link` values (RFC 8297). */
export function earlyHints(headers: readonly string[]): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === 'link');
}

/** RFC 9112 6.3: these responses end with their head, whatever it says about a length. */
export function hasNoBody(exchange: Exchange, status: number): boolean {
  return status === 204 || status === 304 || exchange.edge.method === 'HEAD';
}

export function framingOf(headers: readonly string[]): Framing {
  let length: number | undefined;
  let isEventStream = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') length = Number(headers[i + 1]);
    else if (name.length === 12 && name.toLowerCase() === 'content-type')
      isEventStream = (headers[i + 1] as string).startsWith('text/event-stream');
  }
  return { length, isEventStream };
}
