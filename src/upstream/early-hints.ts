import type { Exchange } from '../exchange/exchange.ts';

/** The headers of a 103 answer that are hints (RFC 8297) and do not describe a final answer that may never come. */
const HINTS: ReadonlySet<string> = new Set(['link', 'content-security-policy']);
const LINE_BREAK = /[\r\n\0]/;

/**
 * Passes the hints of a 103 answer to the client as they came; not to HTTP/1.0, which has no interim answers, nor while
 * the client still waits for an earlier answer. Node's `writeEarlyHints` refuses most forms that RFC 8288 allows.
 */
export function passEarlyHints({ res, edge, isCommitted }: Exchange, headers: readonly string[]): void {
  const { socket } = res;
  if (edge.httpVersion !== '1.1' || isCommitted || !socket?.writable) return;
  let lines = '';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (HINTS.has(name.toLowerCase()) && !LINE_BREAK.test(value)) lines += `${name}: ${value}\r\n`;
  }
  if (lines !== '') socket.write(`HTTP/1.1 103 Early Hints\r\n${lines}\r\n`, 'latin1');
}
