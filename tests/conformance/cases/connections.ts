import type { Expectation, WireCase } from '../wire-case.ts';
import { message, refused, served } from './message.ts';

/** What a request says of its connection and its way. */
export const CONNECTIONS: readonly WireCase[] = [
  served(
    'Connection: close',
    'RFC 9112 9.6',
    message('GET /open/x HTTP/1.1', ['Connection: close']),
    'GET /x',
    'closes',
  ),
  served(
    'Connection: CLOSE',
    'RFC 9110 7.6.1',
    message('GET /open/x HTTP/1.1', ['Connection: CLOSE']),
    'GET /x',
    'closes',
  ),
  served('HTTP/1.0', 'RFC 9112 9.3', message('GET /open/x HTTP/1.0'), 'GET /x', 'closes'),
  served(
    'HTTP/1.0 with keep-alive',
    'RFC 9112 9.3',
    message('GET /open/x HTTP/1.0', ['Connection: keep-alive']),
    'GET /x',
  ),
  ...['keep-alive, close', 'close, keep-alive', 'keep-alive,Close'].map((list) =>
    served(
      `HTTP/1.0 with ${list}`,
      'RFC 9112 9.3',
      message('GET /open/x HTTP/1.0', [`Connection: ${list}`]),
      'GET /x',
      'closes',
    ),
  ),
  served(
    'a field that Connection names goes no further',
    'RFC 9110 7.6.1',
    message('GET /open/x HTTP/1.1', ['Connection: X-Hop', 'X-Hop: v', 'X-End: w']),
    {
      line: 'GET /x',
      headers: { 'X-Hop': undefined, 'X-End': 'w' },
    },
  ),
  served(
    'hop-by-hop fields go no further',
    'RFC 9110 7.6.1',
    message('GET /open/x HTTP/1.1', [
      'TE: trailers',
      'Keep-Alive: 5',
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: x',
    ]),
    {
      line: 'GET /x',
      headers: {
        TE: undefined,
        'Keep-Alive': undefined,
        'Proxy-Connection': undefined,
        'Proxy-Authorization': undefined,
      },
    },
  ),
  {
    name: 'HEAD',
    source: 'RFC 9110 9.3.2',
    client: message('HEAD /open/x HTTP/1.1'),
    upstream: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n',
    expect: {
      answers: [{ status: 200, method: 'HEAD', headers: { 'Content-Length': '2' } }],
      then: 'serves',
      upstream: ['HEAD /x'],
    },
  },
  {
    name: 'Expect: 100-continue, and a body only after it',
    source: 'RFC 9110 10.1.1',
    client: [
      message('POST /open/x HTTP/1.1', ['Content-Length: 3', 'Expect: 100-continue']),
      { awaitUpstream: 0 },
      'abc',
    ],
    expect: {
      answers: [{ status: 200, interim: [100] }],
      then: 'serves',
      upstream: [{ line: 'POST /x', body: 'abc' }],
    },
  },
  refused('an expectation nobody can meet', 'RFC 9110 10.1.1', message('GET /open/x HTTP/1.1', ['Expect: x']), 417),
  {
    name: 'no 100 before a refusal',
    source: 'RFC 9110 10.1.1',
    client: message('POST /keyed/x HTTP/1.1', ['Content-Length: 3', 'Expect: 100-continue']),
    expect: { answers: [{ status: 401, interim: [] }], then: 'closes', upstream: [] },
  },
  {
    name: 'OPTIONS *',
    source: 'RFC 9110 9.3.7',
    client: message('OPTIONS * HTTP/1.1'),
    expect: { answers: [{ status: 204, headers: { 'Content-Length': undefined } }], then: 'serves', upstream: [] },
  },
  {
    name: 'OPTIONS that may go no further',
    source: 'RFC 9110 7.6.2',
    client: message('OPTIONS /open/x HTTP/1.1', ['Max-Forwards: 0']),
    expect: { answers: [204], then: 'serves', upstream: [] },
  },
  served('OPTIONS with five hops left', 'RFC 9110 7.6.2', message('OPTIONS /open/x HTTP/1.1', ['Max-Forwards: 5']), {
    line: 'OPTIONS /x',
    headers: { 'Max-Forwards': '4' },
  }),
  served('GET with no hops left', 'RFC 9110 7.6.2', message('GET /open/x HTTP/1.1', ['Max-Forwards: 0']), {
    line: 'GET /x',
    headers: { 'Max-Forwards': '0' },
  }),
];

const SMALL_BODY: Expectation = {
  answers: [{ status: 413, code: 'BODY_TOO_LARGE' }],
  then: 'closes',
  upstream: [],
  log: [{ status: 413, outcome: 'rejected' }],
  metrics: { 'gateway_errors_total{service="small",code="BODY_TOO_LARGE"}': 1 },
};

/** What the log, the metrics and the breaker make of it. */
export const VERDICTS: readonly WireCase[] = [
  {
    name: 'a body that is announced as too large',
    source: 'RFC 9110 15.5.14',
    client: [message('POST /small/x HTTP/1.1', ['Content-Length: 100000'], 'x'), { awaitAnswers: 1 }, { end: 'fin' }],
    expect: SMALL_BODY,
  },
  {
    name: 'a request that is fine',
    source: 'the access log',
    client: message('GET /open/x HTTP/1.1'),
    expect: {
      answers: [200],
      then: 'left',
      upstream: ['GET /x'],
      log: [{ status: 200, outcome: 'completed', attempts: 1 }],
      metrics: { 'gateway_requests_total{service="open",method="GET",status="200"}': 1 },
      breaker: { open: 'closed' },
    },
  },
];
