import type { Expectation, ExpectedAnswer, ExpectedRequest, WireCase } from '../wire-case.ts';

/** A request with these lines below a `Host` line. */
export function message(startLine: string, lines: readonly string[] = [], body = ''): string {
  return `${[startLine, 'Host: wire.test', ...lines].join('\r\n')}\r\n\r\n${body}`;
}

/** Without the `Host` line. */
export function bare(startLine: string, lines: readonly string[] = [], body = ''): string {
  return `${[startLine, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

type Verdict = 'serves' | 'closes';

function served(
  name: string,
  source: string,
  client: string,
  request: string | ExpectedRequest,
  then: Verdict = 'serves',
): WireCase {
  return { name, source, client, expect: { answers: [200], then, upstream: [request] } };
}

/** Refused without a trace upstream; `then: 'serves'` where the framing is beyond doubt. */
function refused(
  name: string,
  source: string,
  client: string,
  answer: number | ExpectedAnswer,
  then: Verdict = 'closes',
): WireCase {
  return { name, source, client, expect: { answers: [answer], then, upstream: [] } };
}

const GRAMMAR: WireCase[] = [
  served('the simplest request', 'llhttp sample', message('GET /open/x HTTP/1.1'), 'GET /x'),
  served('an empty line before it', 'RFC 9112 2.2', `\r\n${message('GET /open/x HTTP/1.1')}`, 'GET /x'),
  served('ten empty lines before it', 'llhttp sample', '\r\n'.repeat(10) + message('GET /open/x HTTP/1.1'), 'GET /x'),
  served('a method nobody knows here', 'llhttp method', message('PROPFIND /open/x HTTP/1.1'), 'PROPFIND /x'),
  served(
    'a query with everything in it',
    'llhttp uri',
    message("GET /open/x?a=b&c[]=d!$'()*,;:@/?%20 HTTP/1.1"),
    "GET /x?a=b&c[]=d!$'()*,;:@/?%20",
  ),
  served(
    'header values with tabs and spaces around',
    'RFC 9112 5.1',
    message('GET /open/x HTTP/1.1', ['X-A: \t v w \t']),
    {
      line: 'GET /x',
      headers: { 'X-A': 'v w' },
    },
  ),
  served('an empty header value', 'llhttp header', message('GET /open/x HTTP/1.1', ['X-A:']), {
    line: 'GET /x',
    headers: { 'X-A': '' },
  }),
  served('obs-text in a value', 'RFC 9110 5.5', message('GET /open/x HTTP/1.1', ['X-A: caf\xe9']), {
    line: 'GET /x',
    headers: { 'X-A': 'caf\xe9' },
  }),
  served(
    'every character of a token in a name',
    'RFC 9110 5.6.2',
    message('GET /open/x HTTP/1.1', ["X!#$%&'*+-.^`|~9: v"]),
    'GET /x',
  ),
  refused('no version', 'Http11Probe', 'GET /open/x\r\n\r\n', { status: [400, 505] }),
  refused('no target', 'Http11Probe', 'GET HTTP/1.1\r\nHost: h\r\n\r\n', 400),
  refused('a lower-case version', 'RFC 9112 2.3', bare('GET /open/x http/1.1', ['Host: h']), 400),
  refused('HTTP/1.2', 'RFC 9110 15.6.6', message('GET /open/x HTTP/1.2'), { status: 505, code: 'UNSUPPORTED_VERSION' }),
  refused('HTTP/2.0', 'RFC 9110 15.6.6', message('GET /open/x HTTP/2.0'), 505),
  refused('HTTP/9.9', 'RFC 9110 15.6.6', message('GET /open/x HTTP/9.9'), 505),
  refused('a version with a leading zero', 'Http11Probe', message('GET /open/x HTTP/01.1'), { status: [400, 505] }),
  refused('words behind the version', 'Http11Probe', message('GET /open/x HTTP/1.1 x'), 400),
  refused('a tab for a space', 'Http11Probe', message('GET\t/open/x HTTP/1.1'), 400),
  refused('a space in the target', 'RFC 9112 3.2', message('GET /open/ x HTTP/1.1'), 400),
  refused('a raw é in the target', 'RFC 9112 3.2', message('GET /open/\xc3\xa9 HTTP/1.1'), 400),
  refused('a fragment', 'RFC 9112 3.2', message('GET /open/x#y HTTP/1.1'), 400, 'serves'),
  refused('no slash', 'RFC 9112 3.2', message('GET open/x HTTP/1.1'), 400),
  refused('an asterisk that is no OPTIONS', 'RFC 9112 3.2.4', message('GET * HTTP/1.1'), 400),
  refused('a NUL in the target', 'Envoy codec', message('GET /open/\0 HTTP/1.1'), 400),
  refused('a NUL in a value', 'RFC 9110 5.5', message('GET /open/x HTTP/1.1', ['X-A: a\0b']), 400),
  refused('a CR in a value', 'RFC 9112 2.2', message('GET /open/x HTTP/1.1', ['X-A: a\rb']), 400),
  refused('an LF that ends a line alone', 'RFC 9112 2.2', 'GET /open/x HTTP/1.1\nHost: h\n\n', 400),
  refused('a space before the colon', 'RFC 9112 5.1', message('GET /open/x HTTP/1.1', ['X-A : v']), 400),
  refused('no colon', 'RFC 9112 5', message('GET /open/x HTTP/1.1', ['X-A']), 400),
  refused('no name', 'RFC 9112 5', message('GET /open/x HTTP/1.1', [': v']), 400),
  refused('a folded line', 'RFC 9112 5.2', message('GET /open/x HTTP/1.1', ['X-A: a', ' b']), 400),
  refused('a folded first line', 'RFC 9112 2.2', 'GET /open/x HTTP/1.1\r\n Host: h\r\n\r\n', 400),
  refused('a control in a name', 'RFC 9110 5.6.2', message('GET /open/x HTTP/1.1', ['X\x01A: v']), 400),
  refused('a bracket in a name', 'RFC 9110 5.6.2', message('GET /open/x HTTP/1.1', ['X[A]: v']), 400),
  refused('a non-ASCII name', 'RFC 9110 5.6.2', message('GET /open/x HTTP/1.1', ['X-\xe9: v']), 400),
  refused('a TLS hello', 'Http11Probe', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400),
  refused('a request of SSH', 'Http11Probe', 'SSH-2.0-OpenSSH_9.6\r\n', 400),
  refused(
    'more lines than allowed',
    'RFC 6585 5',
    message(
      'GET /open/x HTTP/1.1',
      Array.from({ length: 101 }, (_, i) => `X-${i}: v`),
    ),
    431,
  ),
  refused(
    'a line longer than allowed',
    'RFC 6585 5',
    message('GET /open/x HTTP/1.1', [`X-A: ${'v'.repeat(17_000)}`]),
    431,
  ),
  refused('a target longer than allowed', 'RFC 9110 15.5.15', message(`GET /open/${'x'.repeat(17_000)} HTTP/1.1`), 414),
  refused('TRACE', 'RFC 9110 9.3.8', message('TRACE /open/x HTTP/1.1'), { status: 405, code: 'METHOD_NOT_ALLOWED' }),
  refused('CONNECT', 'RFC 9110 15.5.6', bare('CONNECT h:443 HTTP/1.1', ['Host: h:443']), {
    status: 405,
    headers: { Allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS', Connection: 'close' },
  }),
];

const chunked = (body: string, lines: readonly string[] = [], coding = 'chunked'): string =>
  message('POST /open/x HTTP/1.1', [`Transfer-Encoding: ${coding}`, ...lines], body);
const sized = (length: string, body: string, lines: readonly string[] = []): string =>
  message('POST /open/x HTTP/1.1', [`Content-Length: ${length}`, ...lines], body);

const FRAMING: WireCase[] = [
  served('a body by length', 'RFC 9112 6.2', sized('3', 'abc'), {
    line: 'POST /x',
    body: 'abc',
    headers: { 'Content-Length': '3' },
  }),
  served('a body of length zero', 'RFC 9110 8.6', sized('0', ''), {
    line: 'POST /x',
    body: '',
    headers: { 'Content-Length': '0' },
  }),
  served('a body with GET', 'llhttp sample', message('GET /open/x HTTP/1.1', ['Content-Length: 3'], 'abc'), {
    line: 'GET /x',
    body: 'abc',
  }),
  served('a chunked body', 'RFC 9112 7.1', chunked('3\r\nabc\r\n0\r\n\r\n'), { line: 'POST /x', body: 'abc' }),
  served('an empty chunked body', 'RFC 9112 7.1', chunked('0\r\n\r\n'), { line: 'POST /x', body: '' }),
  served(
    'chunks in capital and small hexadecimals',
    'RFC 9112 7.1',
    chunked('A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n'),
    {
      line: 'POST /x',
      body: '01234567890123456789a',
    },
  ),
  served('sizes with leading zeros', 'RFC 9112 7.1', chunked('0003\r\nabc\r\n0000\r\n\r\n'), {
    line: 'POST /x',
    body: 'abc',
  }),
  served('chunk extensions', 'RFC 9112 7.1.1', chunked('3;a=b;c="d e"\r\nabc\r\n0;x\r\n\r\n'), {
    line: 'POST /x',
    body: 'abc',
  }),
  served(
    'trailers, which are dropped',
    'RFC 9110 6.5.1',
    chunked('3\r\nabc\r\n0\r\nX-Trailer: v\r\n\r\n', ['Trailer: X-Trailer']),
    {
      line: 'POST /x',
      body: 'abc',
      headers: { 'X-Trailer': undefined, Trailer: undefined },
    },
  ),
  ...['Chunked', 'CHUNKED', 'cHuNkEd'].map((coding) =>
    served(`the coding ${coding}`, 'RFC 9112 7', chunked('3\r\nabc\r\n0\r\n\r\n', [], coding), {
      line: 'POST /x',
      body: 'abc',
    }),
  ),
  refused('an unknown coding', 'RFC 9112 6.1', chunked('3\r\nabc\r\n0\r\n\r\n', [], 'gzip, chunked'), {
    status: 501,
    code: 'UNSUPPORTED_CODING',
  }),
  refused(
    'an unknown coding on a line of its own',
    'RFC 9112 6.1',
    chunked('0\r\n\r\n', ['Transfer-Encoding: chunked'], 'foo'),
    { status: [400, 501] },
  ),
  ...[
    'chunked, chunked',
    'chunked, gzip',
    'gzip',
    'identity',
    '',
    'xchunked',
    'chunked;q=1',
    '"chunked"',
    ', chunked',
    'chunked,',
    'chunked x',
  ].map((coding) =>
    refused(`the coding ${JSON.stringify(coding)}`, 'RFC 9112 6.3', chunked('0\r\n\r\n', [], coding), 400),
  ),
  refused('two lines of chunked', 'RFC 9112 7', chunked('0\r\n\r\n', ['Transfer-Encoding: chunked']), 400),
  refused('length and chunked', 'RFC 9112 6.3', sized('3', '0\r\n\r\n', ['Transfer-Encoding: chunked']), 400),
  refused('chunked and length', 'RFC 9112 6.3', chunked('0\r\n\r\n', ['Content-Length: 5']), 400),
  refused(
    'chunked in HTTP/1.0',
    'RFC 9112 6.1',
    message('POST /open/x HTTP/1.0', ['Transfer-Encoding: chunked'], '0\r\n\r\n'),
    400,
  ),
  ...['+3', '-1', '3.0', '0x3', '3 3', '3,3', '3, 4', '3a', '', '03', '1e1', '99999999999999999999'].map((length) =>
    refused(`the length ${JSON.stringify(length)}`, 'RFC 9112 6.3', sized(length, 'abc'), 400),
  ),
  refused('two lengths that differ', 'RFC 9112 6.3', sized('3', 'abc', ['Content-Length: 4']), 400),
  refused('two equal lengths', 'RFC 9112 6.3', sized('3', 'abc', ['Content-Length: 3']), 400),
  ...(
    [
      ['no size', '\r\nabc\r\n0\r\n\r\n'],
      ['a size that is none', 'xyz\r\nabc\r\n0\r\n\r\n'],
      ['a negative size', '-3\r\nabc\r\n0\r\n\r\n'],
      ['0x before the size', '0x3\r\nabc\r\n0\r\n\r\n'],
      ['a size that overflows', '10000000000000003\r\nabc\r\n0\r\n\r\n'],
      ['an LF behind the size', '3\nabc\r\n0\r\n\r\n'],
      ['a CR behind the size', '3\rabc\r\n0\r\n\r\n'],
      ['more bytes than the size', '3\r\nabcd\r\n0\r\n\r\n'],
      ['an LF behind the data', '3\r\nabc\n0\r\n\r\n'],
      ['spaces around an extension', '3 ; a = b\r\nabc\r\n0\r\n\r\n'],
      ['a control in an extension', '3;a=\x01\r\nabc\r\n0\r\n\r\n'],
      ['an LF in an extension', '3;a=\nb\r\nabc\r\n0\r\n\r\n'],
    ] as const
  ).map(
    ([name, body]): WireCase => ({
      name,
      source: 'RFC 9112 7.1',
      client: chunked(body),
      expect: { answers: [400], then: 'closes', upstream: 'nothing whole' },
    }),
  ),
];

const HOSTS: WireCase[] = [
  refused('HTTP/1.1 without Host', 'RFC 9112 3.2', bare('GET /open/x HTTP/1.1'), 400),
  refused('an empty Host', 'RFC 9112 3.2', bare('GET /open/x HTTP/1.1', ['Host:']), 400),
  refused('two Host lines', 'RFC 9112 3.2', bare('GET /open/x HTTP/1.1', ['Host: h', 'Host: h']), 400),
  refused('absolute-form without Host', 'RFC 9112 3.2', bare('GET http://h/open/x HTTP/1.1'), 400),
  refused('absolute-form with another Host', 'RFC 9112 3.2.2', bare('GET http://a/open/x HTTP/1.1', ['Host: b']), 400),
  refused('a target of another scheme', 'RFC 9110 7.4', bare('GET ftp://h/open/x HTTP/1.1', ['Host: h']), 400),
  refused('userinfo in the target', 'RFC 9110 4.2.4', bare('GET http://u:p@h/open/x HTTP/1.1', ['Host: u:p@h']), 400),
  refused('HTTP/1.0 without Host on a route', 'a choice', bare('GET /open/x HTTP/1.0'), 400),
  served('absolute-form', 'RFC 9112 3.2.2', bare('GET http://h/open/x?y HTTP/1.1', ['Host: h']), 'GET /x?y'),
  served(
    'absolute-form with a scheme in capitals',
    'RFC 3986 3.1',
    bare('GET HTTP://H/open/x HTTP/1.1', ['Host: h']),
    'GET /x',
  ),
  ...[
    ['http://h:80', 'h'],
    ['http://h', 'h:80'],
    ['http://h:', 'h'],
    ['http://h', 'h:'],
    ['http://H:080', 'h:'],
    ['https://h:443', 'h'],
    ['http://[::1]:80', '[::1]'],
  ].map(([target, host]) =>
    served(
      `${target} for Host: ${host}`,
      'RFC 9110 4.2.3',
      bare(`GET ${target}/open/x HTTP/1.1`, [`Host: ${host}`]),
      'GET /x',
    ),
  ),
  ...['h:80', 'h:', 'h.', 'H', '127.0.0.1:8000', '[::1]', '[::1]:80', 'a_b', 'xn--bcher-kva.test'].map((host) =>
    served(`Host: ${host}`, 'RFC 9110 7.2', bare('GET /open/x HTTP/1.1', [`Host: ${host}`]), 'GET /x'),
  ),
  ...[
    '.',
    '..',
    '.a',
    'a..b',
    'a b',
    'a,b',
    'a/b',
    'a?b',
    'a#b',
    'u@a',
    'a:x',
    'a:99999',
    '[::1',
    '::1',
    '[a]',
    'a\\b',
    'a%2eb',
    'a:80:80',
  ].map((host) => refused(`Host: ${host}`, 'RFC 9110 7.2', bare('GET /open/x HTTP/1.1', [`Host: ${host}`]), 400)),
];

const CONNECTION: WireCase[] = [
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
    client: [sized('3', '', ['Expect: 100-continue']), { awaitUpstream: 0 }, 'abc'],
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

const VERDICTS: WireCase[] = [
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

/** Everything a client may ask in one message. */
export const REQUEST_CASES: readonly WireCase[] = [...GRAMMAR, ...FRAMING, ...HOSTS, ...CONNECTION, ...VERDICTS];
