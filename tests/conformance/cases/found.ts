import type { ClientStep, WireCase } from '../wire-case.ts';
import { message } from './message.ts';

const get = (target: string): string => message(`GET ${target} HTTP/1.1`);
const CUT = { write: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', end: 'fin' } as const;
const HELD = { write: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', isHeld: true } as const;
const WHOLE = { status: 200, body: 'ok' };
const PARTIAL = { status: 200, body: 'abc', isComplete: false };

/** The second of two pipelined answers breaks off while the first is awaited; then the client goes on. */
function brokenBehindAnother(name: string, ...more: ClientStep[]): WireCase {
  return {
    name: `an answer that broke off before its turn, ${name}`,
    source: 'fuzzer of sequences',
    client: [get('/open/a'), { awaitUpstream: 1 }, get('/open/b'), { awaitUpstream: 2 }, ...more],
    upstream: [HELD, CUT],
    expect: { answers: [WHOLE, PARTIAL], then: 'closes', upstream: ['GET /a', 'GET /b'] },
  };
}

/** Sequences that once broke a rule of the fuzzer. */
export const FOUND: readonly WireCase[] = [
  {
    name: 'the 100 of a request that waits for its turn comes before its answer, not inside it',
    source: 'fuzzer of sequences',
    client: [
      get('/open/a'),
      { awaitUpstream: 1 },
      message('GET /open/b HTTP/1.1', ['Transfer-Encoding: chunked', 'Expect: 100-continue'], '3\r\nabc\r\n0\r\n\r\n'),
    ],
    upstream: [HELD, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    expect: {
      answers: [WHOLE, { ...WHOLE, interim: [100] }],
      then: 'serves',
      upstream: ['GET /a', { line: 'GET /b', body: 'abc' }],
    },
  },
  brokenBehindAnother('ends the connection'),
  brokenBehindAnother('is not followed by a refusal', 'G@T / HTTP/1.1\r\n\r\n'),
  brokenBehindAnother('is not followed by another answer', message('PUT /open/c HTTP/1.1', ['Content-Length: 0'])),
  brokenBehindAnother(
    'is not followed by a handshake',
    message('GET /open/c HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket']),
  ),
];

/** The client ends its side and still wants its answers (RFC 9112 section 9.6). */
export const HALF_CLOSED: readonly WireCase[] = [
  {
    name: 'one request',
    source: 'RFC 9112 9.6',
    client: [get('/open/a'), { end: 'fin' }],
    expect: { answers: [{ status: 200, headers: { Connection: 'close' } }], then: 'closes', upstream: ['GET /a'] },
  },
  {
    name: 'one of HTTP/1.0',
    source: 'RFC 9112 9.6',
    client: [message('GET /open/a HTTP/1.0'), { end: 'fin' }],
    expect: { answers: [200], then: 'closes', upstream: ['GET /a'] },
  },
  {
    name: 'an upload',
    source: 'RFC 9112 9.6',
    client: [message('POST /open/a HTTP/1.1', ['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'), { end: 'fin' }],
    expect: { answers: [200], then: 'closes', upstream: [{ line: 'POST /a', body: 'abc' }] },
  },
  {
    name: 'three in a row, of which one is unsafe',
    source: 'RFC 9112 9.3.2',
    client: [get('/open/a') + message('PUT /open/b HTTP/1.1', ['Content-Length: 0']) + get('/open/c'), { end: 'fin' }],
    expect: { answers: [200, 200, 200], then: 'closes', upstream: ['GET /a', 'PUT /b', 'GET /c'] },
  },
  {
    name: 'in the middle of a head, behind a whole request',
    source: 'RFC 9112 8',
    client: [`${get('/open/a')}GET /open/b HT`, { end: 'fin' }],
    expect: { answers: [200, 400], then: 'closes', upstream: ['GET /a'] },
  },
  {
    name: 'in the middle of a body',
    source: 'RFC 9112 8',
    client: [message('POST /open/a HTTP/1.1', ['Content-Length: 10'], 'abc'), { end: 'fin' }],
    expect: { answers: [400], then: 'closes', upstream: [] },
  },
];
