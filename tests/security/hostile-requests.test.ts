// What is refused before anything else sees it, byte by byte as an attacker would send it. Most of these were accepted
// by some server or proxy once: RFC 9112 section 11, the PortSwigger desync lists and the HTTP Garden collection.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type EdgeServer, startEdgeServer } from '../support/edge-server.ts';
import { connectRaw, sendRaw } from '../support/raw-client.ts';

let server: EdgeServer;
beforeAll(async () => {
  server = await startEdgeServer();
});
afterAll(() => server.close());

const HOST = 'Host: a.example';

function request(startLine: string, ...lines: string[]): string {
  return `${[startLine, ...lines].join('\r\n')}\r\n\r\n`;
}

const get = (target: string) => request(`GET ${target} HTTP/1.1`, HOST);
const withLine = (...lines: string[]) => request('GET / HTTP/1.1', HOST, ...lines);
const post = (body: string, ...lines: string[]) => request('POST / HTTP/1.1', HOST, ...lines) + body;
const SMUGGLED = request('GET /admin HTTP/1.1', HOST);

/** 400 is Node's own parser or ours; a word is the code of our refusal. */
type Verdict =
  | 400
  | 'INVALID_PATH'
  | 'INVALID_HEADER'
  | 'UNSUPPORTED_CODING'
  | 'UNSUPPORTED_VERSION'
  | 'DUPLICATE_HEADER'
  | 'VALIDATION_ERROR'
  | 'METHOD_NOT_ALLOWED'
  | 'EXPECTATION_FAILED'
  | 'URI_TOO_LONG'
  | 'HEADERS_TOO_LARGE'
  | 'LOOP_DETECTED';

const FRAMING: [string, string, Verdict][] = [
  ['length and chunked', post(`0\r\n\r\n${SMUGGLED}`, 'Content-Length: 4', 'Transfer-Encoding: chunked'), 400],
  ['chunked and length', post(`0\r\n\r\n${SMUGGLED}`, 'Transfer-Encoding: chunked', 'Content-Length: 4'), 400],
  ['two equal lengths', post('abc', 'Content-Length: 3', 'Content-Length: 3'), 400],
  ['two different lengths', post('abc', 'Content-Length: 3', 'content-length: 0'), 400],
  ['a list of lengths', post('abc', 'Content-Length: 3, 3'), 400],
  ['a signed length', post('abc', 'Content-Length: +3'), 400],
  ['a negative length', post('abc', 'Content-Length: -0'), 400],
  ['a hexadecimal length', post('abc', 'Content-Length: 0x3'), 400],
  ['a length with an underscore', post('abc', 'Content-Length: 0_3'), 400],
  ['a length with an inner space', post('abc', 'Content-Length: 0 3'), 400],
  ['a length with leading zeros', post('abc', 'Content-Length: 003'), 'INVALID_HEADER'],
  ['a length of zeros', post('', 'Content-Length: 00'), 'INVALID_HEADER'],
  ['an empty length', post('', 'Content-Length:'), 400],
  ['an exponent', post('abc', 'Content-Length: 3e0'), 400],
  ['a length beyond 2^53', post('', 'Content-Length: 9007199254740993'), 'INVALID_HEADER'],
  ['a length of 20 digits', post('', 'Content-Length: 99999999999999999999'), 400],
  ['another coding before chunked', post('0\r\n\r\n', 'Transfer-Encoding: gzip, chunked'), 'UNSUPPORTED_CODING'],
  ['chunked twice in one coding list', post('0\r\n\r\n', 'Transfer-Encoding: chunked, Chunked'), 400],
  ['an empty coding before chunked', post('0\r\n\r\n', 'Transfer-Encoding: , chunked'), 'INVALID_HEADER'],
  ['another coding after chunked', post('0\r\n\r\n', 'Transfer-Encoding: chunked, identity'), 400],
  ['identity', post('', 'Transfer-Encoding: identity'), 400],
  ['an unknown coding', post('', 'Transfer-Encoding: xchunked'), 400],
  ['chunked in quotes', post('0\r\n\r\n', 'Transfer-Encoding: "chunked"'), 400],
  ['chunked with a parameter', post('0\r\n\r\n', 'Transfer-Encoding: chunked;q=1'), 400],
  ['chunked after a vertical tab', post('0\r\n\r\n', 'Transfer-Encoding: \x0bchunked'), 400],
  ['chunked with NUL', post('0\r\n\r\n', 'Transfer-Encoding: chunked\0'), 400],
  ['chunked twice', post('0\r\n\r\n', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), 400],
  ['chunked folded onto the next line', post('0\r\n\r\n', 'Transfer-Encoding:', ' chunked'), 400],
  ['space before the colon', post('0\r\n\r\n', 'Transfer-Encoding : chunked'), 400],
  [
    'chunked from HTTP/1.0',
    `POST / HTTP/1.0\r\n${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'INVALID_HEADER',
  ],
  ['bare LF line ends', `GET / HTTP/1.1\n${HOST}\n\n`, 400],
  ['bare CR in a value', withLine('X-A: a\rX-B: b'), 400],
  ['bare LF in a value', withLine('X-A: a\nX-B: b'), 400],
  ['a folded value', withLine('X-A: a', ' b'), 400],
  ['NUL in a value', withLine('X-A: a\0b'), 400],
  ['a control in a value', withLine('X-A: a\x01b'), 400],
  ['DEL in a value', withLine('X-A: a\x7fb'), 400],
  ['an empty name', withLine(': a'), 400],
  ['a line without colon', withLine('X-A'), 400],
  ['a space in a name', withLine('X A: a'), 400],
  ['a non-ASCII name', withLine('X-\xc4: a'), 400],
  ['HTTP/2.0 on the wire', request('GET / HTTP/2.0', HOST), 'UNSUPPORTED_VERSION'],
  ['HTTP/0.9 with a version', request('GET / HTTP/0.9', HOST), 'UNSUPPORTED_VERSION'],
  ['HTTP/1.x', request('GET / HTTP/1.x', HOST), 400],
  ['HTTP/1.10', request('GET / HTTP/1.10', HOST), 400],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['a lower-case method', request('get / HTTP/1.1', HOST), 400],
  ['noise', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
];

const HOSTS: [string, string, Verdict][] = [
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 'INVALID_HEADER'],
  ['two Hosts', withLine('Host: b.example'), 'DUPLICATE_HEADER'],
  ['the same Host twice', withLine(HOST), 'DUPLICATE_HEADER'],
  ...[
    '',
    'a/admin',
    'a/admin?x=',
    'a?x',
    'u@a',
    'u:p@a',
    'a,b',
    'a b',
    'a:x',
    'a:99999',
    '.',
    '..a',
    'a..b',
    '::1',
    '[::1',
    'a#b',
    'a\\b',
  ].map((host): [string, string, Verdict] => [
    `Host ${host}`,
    `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    'INVALID_HEADER',
  ]),
  ['an empty Host from HTTP/1.0', 'GET / HTTP/1.0\r\nHost:\r\n\r\n', 'INVALID_HEADER'],
  ['a URL that differs from Host', get('http://b.example/'), 'INVALID_HEADER'],
  ['a URL with another port', get('http://a.example:81/'), 'INVALID_HEADER'],
  ['a URL with userinfo', get('http://u@a.example/'), 'INVALID_HEADER'],
  ['a URL without host', get('http:///a'), 'INVALID_PATH'],
  ['a URL of another scheme', get('ftp://a.example/'), 'INVALID_PATH'],
  ['file:', get('file:///etc/passwd'), 'INVALID_PATH'],
];

const HEADERS: [string, string, Verdict][] = [
  ...['Authorization', 'Content-Type', 'Idempotency-Key', 'X-API-Key', 'X-Master-Key'].map(
    (name): [string, string, Verdict] => [
      `${name} twice`,
      withLine(`${name}: a`, `${name.toUpperCase()}: a`),
      'DUPLICATE_HEADER',
    ],
  ),
  ['an unknown expectation', withLine('Expect: 200-ok'), 'EXPECTATION_FAILED'],
  ['a list of expectations', withLine('Expect: 100-continue, x'), 'EXPECTATION_FAILED'],
  ['our own Via', withLine('Via: 1.0 front, 1.1 turnpike-0a1b2c3d (Turnpike), 1.1 back'), 'LOOP_DETECTED'],
  ['our own Via on a second line', withLine('Via: 1.0 front', 'VIA: HTTP/1.1\tturnpike-0a1b2c3d'), 'LOOP_DETECTED'],
  ['101 lines', withLine(...Array.from({ length: 100 }, (_, i) => `X-${i}: a`)), 'HEADERS_TOO_LARGE'],
  ['more than 16 KiB of lines', withLine(`X-A: ${'a'.repeat(16_384)}`), 'HEADERS_TOO_LARGE'],
  ['TRACE', request('TRACE / HTTP/1.1', HOST), 'METHOD_NOT_ALLOWED'],
];

const PATHS: [string, string, Verdict][] = [
  ...[
    '/a/../b',
    '/./a',
    '/a/..',
    '/%2e%2e/b',
    '/.%2e',
    '/..%2fb',
    '/a%2F%2e%2e',
    '/%252e%252e/b',
    '/..;/b',
    '/..%3bx/b',
  ]
    .concat([
      '/..;x=1/admin',
      '/a\\b',
      '/a%5cb',
      '/..\\b',
      '/%00',
      '/a%0d%0ab',
      '/%7f',
      '/%',
      '/%zz',
      '/%u002e',
      '/a#b',
    ])
    .concat(['/a?b#c', '*', 'http://a.example/../b', 'http://a.example/%2e%2e', '//../a'])
    .map((target): [string, string, Verdict] => [`path ${target}`, get(target), 'INVALID_PATH']),
  ['a raw byte above 0x7F', get('/caf\xe9'), 400],
  ['a raw byte above 0x7F in the query', get('/?\xe9'), 400],
  ['a tab in the path', get('/a\tb'), 400],
  ['a relative path', get('a/b'), 400],
  ['a target over 16 KiB', get(`/${'a'.repeat(16_384)}`), 'URI_TOO_LONG'],
  ['a query over 16 KiB', get(`/?${'a'.repeat(16_384)}`), 'URI_TOO_LONG'],
];

const CASES = [...FRAMING, ...HOSTS, ...HEADERS, ...PATHS];

describe('refused at the edge', () => {
  test.each(CASES)('%s', async (_name, bytes, verdict) => {
    const acceptedBefore = server.accepted.length;
    const answer = await sendRaw(server.url, bytes);
    if (verdict === 400) expect(answer.status).toBe(400);
    else expect(answer.text).toBe(verdict);
    expect(server.accepted.length).toBe(acceptedBefore);
  });

  test.each([...FRAMING.slice(0, 30), ...HOSTS.slice(0, 6), ...PATHS.slice(0, 6)])(
    '%s, one byte per packet, all the same',
    async (_name, bytes, verdict) => {
      const acceptedBefore = server.accepted.length;
      const connection = await connectRaw(server.url);
      // The server may close as soon as it has seen enough, which fails the bytes still to come.
      await connection.sendSlowly(bytes).catch(() => undefined);
      const answer = await connection.read();
      connection.destroy();
      if (verdict === 400) expect(answer.status).toBe(400);
      else expect(answer.text).toBe(verdict);
      expect(server.accepted.length).toBe(acceptedBefore);
    },
  );

  test('CONNECT is refused with 405', async () => {
    expect((await sendRaw(server.url, request('CONNECT a.example:443 HTTP/1.1', HOST))).status).toBe(405);
  });

  test('a refusal names the methods that are served', async () => {
    const answer = await sendRaw(server.url, request('TRACE / HTTP/1.1', HOST));
    expect(answer.status).toBe(405);
    expect(answer.raw.toString('latin1')).toMatch(/\r\nAllow: GET, HEAD, POST/);
  });
});

describe('after a refusal that leaves the framing in doubt', () => {
  test.each(FRAMING.filter(([name]) => /length|chunked|coding/.test(name)))(
    '%s: the connection ends and nothing behind it is read as a request',
    async (_name, bytes) => {
      const acceptedBefore = server.accepted.length;
      const connection = await connectRaw(server.url);
      await connection.send(bytes + SMUGGLED);
      await connection.closed;
      connection.destroy();
      expect(server.accepted.length).toBe(acceptedBefore);
      expect(connection.bytes.toString('latin1').match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    },
  );

  test('of two requests in one packet each is judged by itself', async () => {
    const connection = await connectRaw(server.url);
    await connection.send(get('/good') + get('/a/../b') + get('/also-good'));
    expect((await connection.read()).status).toBe(200);
    expect((await connection.read()).text).toBe('INVALID_PATH');
    expect((await connection.read()).status).toBe(200);
    connection.destroy();
    expect(server.accepted.slice(-2).map(({ path }) => path)).toEqual(['/good', '/also-good']);
  });
});
