import type { WireCase } from '../wire-case.ts';
import { message, refused, served } from './message.ts';

const chunked = (body: string, lines: readonly string[] = [], coding = 'chunked'): string =>
  message('POST /open/x HTTP/1.1', [`Transfer-Encoding: ${coding}`, ...lines], body);
const sized = (length: string, body: string, lines: readonly string[] = []): string =>
  message('POST /open/x HTTP/1.1', [`Content-Length: ${length}`, ...lines], body);

/** Where a body ends. */
export const FRAMING: readonly WireCase[] = [
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
