import type { Exchange } from '../exchange/exchange.ts';

const EVENT_STREAM = /^\s*text\/event-stream\s*(?:;|$)/i;

/** How the body behind a header block is to be written. */
interface Framing {
  /** Bytes; `undefined` when the head names no length. */
  readonly length: number | undefined;
  readonly isEventStream: boolean;
}

/** Without a length or chunks a body ends with its connection (RFC 9112 6.3). Asked of the head as the upstream sent it. */
export function endsByClose(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const { length } = headers[i] as string;
    if (length !== 14 && length !== 17) continue;
    const name = (headers[i] as string).toLowerCase();
    if (name === 'content-length' || name === 'transfer-encoding') return false;
  }
  return true;
}

/** Of headers as flat names and values. latin1 keeps every byte a header may carry. */
export function textHeaders(raw: readonly Buffer[]): string[] {
  const headers = new Array<string>(raw.length);
  for (let i = 0; i < raw.length; i++) headers[i] = (raw[i] as Buffer).toString('latin1');
  return headers;
}

/**
 * No coding of the transfer but `chunked` was asked for, so nothing else can be undone (RFC 9112 6.1 and 7.4): the bytes
 * would reach the client as something they are not.
 */
export function isTransferUnderstood(headers: readonly string[]): boolean {
  let isChunked = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length !== 17 || name.toLowerCase() !== 'transfer-encoding') continue;
    if (isChunked || (headers[i + 1] as string).trim().toLowerCase() !== 'chunked') return false;
    isChunked = true;
  }
  return true;
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
      isEventStream = EVENT_STREAM.test(headers[i + 1] as string);
  }
  return { length, isEventStream };
}
