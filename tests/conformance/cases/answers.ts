import type { ExpectedAnswer, UpstreamStep, WireCase } from '../wire-case.ts';

const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood';
const SMUGGLED = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

/** One answer of an upstream, and how the client has to see it. */
interface AnswerCase {
  readonly name: string;
  readonly source: string;
  readonly bytes: string;
  readonly end?: 'fin' | 'reset';
  readonly method?: 'HEAD';
  readonly expect: ExpectedAnswer;
  /** What becomes of the client's connection. */
  readonly then?: 'serves' | 'closes' | 'resets';
}

const INVALID: ExpectedAnswer = { status: 502, code: 'UPSTREAM_INVALID_RESPONSE' };
const GONE: ExpectedAnswer = { status: 502, code: 'UPSTREAM_ERROR' };

function valid(name: string, source: string, bytes: string, body: string): AnswerCase {
  return { name, source, bytes, expect: { status: 200, body } };
}

function invalid(name: string, source: string, bytes: string): AnswerCase {
  return { name, source, bytes: bytes + SMUGGLED, expect: INVALID };
}

const head = (...lines: string[]): string => `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

/** Every status that forbids a body, and HEAD, against every framing that a head may announce all the same. */
const WITHOUT_BODY: readonly AnswerCase[] = [
  ...[204, 304].flatMap((status) =>
    ['', 'Content-Length: 4\r\n', 'Transfer-Encoding: chunked\r\n', 'Connection: close\r\n'].map(
      (line): AnswerCase => ({
        name: `${status} with ${JSON.stringify(line)} has no body`,
        source: 'RFC 9112 6.3',
        bytes: `HTTP/1.1 ${status} X\r\n${line}\r\n`,
        expect: { status, body: '', headers: { 'Transfer-Encoding': undefined } },
      }),
    ),
  ),
  ...['Content-Length: 4', 'Transfer-Encoding: chunked', 'X: y'].map(
    (line): AnswerCase => ({
      name: `an answer to HEAD with ${line} has no body`,
      source: 'RFC 9112 6.3',
      bytes: head(line),
      method: 'HEAD',
      expect: { status: 200, method: 'HEAD', body: '' },
    }),
  ),
];

const VALID: readonly AnswerCase[] = [
  valid('a length', 'llhttp response samples', `${head('Content-Length: 3')}abc`, 'abc'),
  valid('a length of zero', 'llhttp response samples', head('Content-Length: 0'), ''),
  valid('no reason', 'RFC 9112 4', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', 'ok'),
  valid('an empty reason', 'RFC 9112 4', 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok', 'ok'),
  valid('a reason of other bytes', 'RFC 9112 4', 'HTTP/1.1 200 \xf6k\tfine\r\nContent-Length: 2\r\n\r\nok', 'ok'),
  valid('a value without white space before it', 'RFC 9112 5', `${head('Content-Length:3')}abc`, 'abc'),
  valid('white space around a value', 'RFC 9110 5.5', `${head('Content-Length: \t 3 \t ')}abc`, 'abc'),
  valid('chunks', 'RFC 9112 7.1', `${head('Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`, 'abc'),
  valid('the coding in capitals', 'RFC 9112 7', `${head('Transfer-Encoding: CHUNKED')}3\r\nabc\r\n0\r\n\r\n`, 'abc'),
  valid('a tab behind the coding', 'RFC 9110 5.6.3', `${head('Transfer-Encoding: chunked\t')}1\r\na\r\n0\r\n\r\n`, 'a'),
  valid('trailers', 'RFC 9112 7.1.2', `${head('Transfer-Encoding: chunked')}1\r\na\r\n0\r\nX-T: 1\r\n\r\n`, 'a'),
  valid('extensions', 'RFC 9112 7.1.1', `${head('Transfer-Encoding: chunked')}1;x="y"\r\na\r\n0;z\r\n\r\n`, 'a'),
  valid('100 before it', 'RFC 9110 15.2', `HTTP/1.1 100 Continue\r\n\r\n${head('Content-Length: 1')}a`, 'a'),
  valid(
    '100 twice',
    'Envoy http1 codec',
    `${'HTTP/1.1 100 C\r\nX: y\r\n\r\n'.repeat(2)}${head('Content-Length: 1')}a`,
    'a',
  ),
  valid('102 before it', 'RFC 9110 15.2', `HTTP/1.1 102 Processing\r\n\r\n${head('Content-Length: 1')}a`, 'a'),
  valid('an interim status nobody knows', 'RFC 9110 15.2', `HTTP/1.1 177 X\r\n\r\n${head('Content-Length: 1')}a`, 'a'),
  ...['HTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.0 200 OK\r\n\r\n', head('Connection: close')].map(
    (bytes): AnswerCase => ({
      ...valid(
        `a body that ends with its connection behind ${JSON.stringify(bytes)}`,
        'RFC 9112 6.3',
        `${bytes}abc`,
        'abc',
      ),
      end: 'fin',
      then: 'closes',
    }),
  ),
];

const INVALID_HEADS: readonly AnswerCase[] = [
  invalid('two lengths', 'RFC 9112 6.3', `${head('Content-Length: 2', 'Content-Length: 3')}abc`),
  invalid('a list of lengths', 'nginx proxy_duplicate_headers', `${head('Content-Length: 2, 3')}abc`),
  invalid('a length with a sign', 'RFC 9110 8.6', `${head('Content-Length: +3')}abc`),
  invalid('a length that is no number', 'curl test 178', `${head('Content-Length: 3x')}abc`),
  invalid('a negative length', 'curl test 178', `${head('Content-Length: -3')}abc`),
  invalid('a length beside chunks', 'RFC 9112 6.3', head('Content-Length: 3', 'Transfer-Encoding: chunked')),
  ...[
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'identity',
    'xchunked',
    '',
    'chunked;q=1',
    '"chunked"',
  ].map((coding) =>
    invalid(
      `the transfer coding ${JSON.stringify(coding)}`,
      'RFC 9112 6.1',
      `${head(`Transfer-Encoding: ${coding}`)}0\r\n\r\n`,
    ),
  ),
  invalid(
    'two lines of codings',
    'HAProxy http_transfer_encoding',
    head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
  ),
  invalid('a folded line', 'RFC 9112 5.2', head('X: a', ' b', 'Content-Length: 0')),
  invalid('white space before a colon', 'RFC 9112 5.1', head('Content-Length : 0')),
  invalid('a line without a colon', 'RFC 9112 5', head('Content-Length')),
  invalid('a name of nothing', 'RFC 9112 5', head(': x')),
  invalid('NUL in a value', 'RFC 9110 5.5', head('X: a\0b', 'Content-Length: 0')),
  invalid('CR in a value', 'RFC 9110 5.5', head('X: a\rb', 'Content-Length: 0')),
  invalid('LF line ends', 'RFC 9112 2.2', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'),
  invalid('NUL in the reason', 'RFC 9112 4', 'HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n'),
  invalid('CR in the reason', 'RFC 9112 4', 'HTTP/1.1 200 OK\r\rContent-Length: 0\r\n\r\n'),
  ...['HTTP/2.0', 'HTTP/0.9', 'HTTP/1.2', 'HTTP/11', 'http/1.1', 'ICE/1.1', 'RTSP/1.0', 'ICY', 'HTTP/1.1.'].map(
    (version) => invalid(`the version ${version}`, 'RFC 9112 2.3', `${version} 200 OK\r\nContent-Length: 0\r\n\r\n`),
  ),
  ...['99', '099', '000', '2000', '20', '-20', 'abc', '600', '999'].map((status) =>
    invalid(`the status ${status}`, 'RFC 9110 15', `HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`),
  ),
  invalid('two spaces before the status', 'RFC 9112 4', 'HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n'),
  invalid('a line end before the status line', 'RFC 9112 4', '\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  invalid('an agreement to an upgrade nobody asked for', 'RFC 9110 15.2.2', head().replace('200', '101')),
];

const CUT: readonly AnswerCase[] = [
  ...(['fin', 'reset'] as const).flatMap((end): AnswerCase[] => [
    { name: `nothing, then ${end}`, source: 'RFC 9112 8', bytes: '', end, expect: GONE },
    { name: `half a status line, then ${end}`, source: 'RFC 9112 8', bytes: 'HTTP/1.1 2', end, expect: GONE },
    { name: `half a head, then ${end}`, source: 'RFC 9112 8', bytes: 'HTTP/1.1 200 OK\r\nX: y\r\n', end, expect: GONE },
    {
      name: `only an interim answer, then ${end}`,
      source: 'RFC 9112 8',
      bytes: 'HTTP/1.1 103 X\r\n\r\n',
      end,
      expect: GONE,
    },
  ]),
  ...(['fin', 'reset'] as const).flatMap((end): AnswerCase[] =>
    [head('Content-Length: 9'), `${head('Transfer-Encoding: chunked')}3\r\n`].map((start) => ({
      name: `a part of a body behind ${JSON.stringify(start)}, then ${end}`,
      source: 'RFC 9112 8',
      bytes: `${start}abc`,
      end,
      expect: { status: [200, 502], isComplete: false },
      then: 'closes',
    })),
  ),
];

/** What upstreams answer, by theme. After each the connection to the client must be in order, and the next answer right. */
export const ANSWERS: Readonly<Record<string, readonly WireCase[]>> = {
  valid: VALID.map((each) => toCase(each)),
  'without a body': WITHOUT_BODY.map((each) => toCase(each)),
  invalid: INVALID_HEADS.map((each) => toCase(each)),
  'cut off': CUT.filter(({ expect }) => expect.isComplete !== false).map((each) => toCase(each)),
  'cut in the body': CUT.filter(({ expect }) => expect.isComplete === false).map((each) => toCase(each)),
};

/** The same answer, written in two pieces cut here. */
export function cutAt(wireCase: WireCase, offset: number): WireCase {
  const [first, ...rest] = wireCase.upstream as readonly UpstreamStep[];
  const { write, ...more } = first as { write: string };
  const pieces = [write.slice(0, offset), write.slice(offset)].filter((piece) => piece !== '');
  return { ...wireCase, upstream: [{ ...more, write: pieces }, ...rest] };
}

/** How many offsets there are to cut at. */
export function lengthOf({ upstream }: WireCase): number {
  return ((upstream as readonly { write: string }[])[0]?.write ?? '').length;
}

function toCase({ name, source, bytes, end, method, expect, then = 'serves' }: AnswerCase): WireCase {
  const client = `${method ?? 'GET'} /open/x HTTP/1.1\r\nHost: g\r\n\r\n`;
  const further = 'GET /open/next HTTP/1.1\r\nHost: g\r\n\r\n';
  const step: UpstreamStep = { write: bytes, ...(end && { end }) };
  if (then !== 'serves')
    return {
      name,
      source,
      client,
      upstream: [step],
      expect: { answers: [expect], then, upstream: [`${method ?? 'GET'} /x`] },
    };
  return {
    name,
    source,
    client: [client, { awaitAnswers: 1 }, further],
    upstream: [step, GOOD],
    expect: {
      answers: [expect, { status: 200, body: 'good' }],
      then,
      upstream: [`${method ?? 'GET'} /x`, 'GET /next'],
    },
  };
}
