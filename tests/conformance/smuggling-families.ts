// Makes requests that two parsers may read differently: by families of disguises of one line, and by mutations from a seed.
import { randomFrom } from './sequence-generator.ts';

/** Stands where a parser that was deceived begins to read a request. */
const SMUGGLED = 'GET /open/smuggled HTTP/1.1\r\nHost: s.test\r\nConnection: close\r\n\r\n';

export interface DisguisedRequest {
  readonly name: string;
  readonly bytes: string;
  /** The disguised line has a name of its own, so that everybody takes it for an ordinary field. */
  readonly isOrdinary: boolean;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:/;
/** Where a character can be put into the line, by what stands before it. */
const PLACES = [
  '',
  'Transfer',
  'Transfer-Encoding',
  'Transfer-Encoding:',
  'Transfer-Encoding: chunk',
  'Transfer-Encoding: chunked',
];
const LINE = 'Transfer-Encoding: chunked';
const CHARACTERS = [
  ...Array.from({ length: 0x30 }, (_, code) => code),
  0x3a,
  0x3b,
  0x5f,
  0x7f,
  0x80,
  0x85,
  0xa0,
  0xad,
  0xff,
];

/** Every way to write the line that some server was once known to read as chunked, or not to. */
function disguises(): string[] {
  const inserted = CHARACTERS.flatMap((code) =>
    PLACES.map((before) => before + String.fromCharCode(code) + LINE.slice(before.length)),
  );
  const values = [
    'chunked, identity',
    'identity, chunked',
    'x, chunked',
    '"chunked"',
    'chunked;q=1',
    'CHUNKED',
    'chun\tked',
    'cow',
    '',
  ];
  return [
    ...inserted,
    ...values.map((value) => `Transfer-Encoding: ${value}`),
    ...[
      'Transfer-Encoding:\r\n chunked',
      'Transfer-Encoding\r\n : chunked',
      'Transfer-Encoding:\n chunked',
      ' X: y\r\nTransfer-Encoding: chunked',
    ],
    ...['X: y\nTransfer-Encoding: chunked', 'X: y\rTransfer-Encoding: chunked', 'X: y\r\n\rTransfer-Encoding: chunked'],
    ...[
      'transfer-encoding: chunked',
      'TRANSFER-ENCODING: chunked',
      'Transfer Encoding: chunked',
      'Transfer-Encoding : chunked',
    ],
    ...[`${LINE}\r\nTransfer-Encoding: cow`, `Transfer-Encoding: cow\r\n${LINE}`, `${LINE}\r\n${LINE}`],
    ...[
      `Content-Encoding: x\r\n${LINE}`,
      `Connection: Transfer-Encoding\r\n${LINE}`,
      `Connection: Content-Length\r\n${LINE}`,
    ],
  ];
}

/** CL.TE: the length covers all, the chunks end before the smuggled request. TE.CL: the other way round. */
export function disguisedRequests(): DisguisedRequest[] {
  return disguises().flatMap((line) => {
    const [name = ''] = line.split(':', 1);
    const isOrdinary = TOKEN.test(line) && !/[\r\n\0]/.test(line) && name.toLowerCase() !== 'transfer-encoding';
    const ending = `0\r\n\r\n${SMUGGLED}`;
    const size = `${SMUGGLED.length.toString(16)}\r\n`;
    const shown = JSON.stringify(line);
    const covered = [
      { name: `CL.TE ${shown}`, isOrdinary, bytes: post([`Content-Length: ${ending.length}`, line], ending) },
      {
        name: `CL.TE, the other way round ${shown}`,
        isOrdinary,
        bytes: post([line, `Content-Length: ${ending.length}`], ending),
      },
    ];
    // With a line that everybody ignores, what follows the length is the next request, in order.
    if (isOrdinary) return covered;
    const body = `${size}${SMUGGLED}\r\n0\r\n\r\n`;
    return [
      ...covered,
      { name: `TE.CL ${shown}`, isOrdinary, bytes: post([`Content-Length: ${size.length}`, line], body) },
    ];
  });
}

function post(lines: readonly string[], body: string): string {
  return `POST /open/first HTTP/1.1\r\nHost: h.test\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Bytes that mean something to some parser. */
const MEANINGFUL = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  '\x0b',
  '\x0c',
  ':',
  ';',
  ',',
  '+',
  '-',
  '_',
  '"',
  '0',
  '1',
  '0x',
  'a',
  '\x7f',
  '\x80',
  '\xff',
  '#',
  '?',
  '/',
  '\\',
];
const LINES = [
  'Content-Length: 3',
  'Content-Length: 0',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Expect: 100-continue',
  'Connection: Content-Length',
  'Host: other.test',
  'Content-Length: +3',
];

const BASES = [
  `POST /open/a HTTP/1.1\r\nHost: h.test\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  `POST /open/b HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)};x=y\r\n${SMUGGLED}\r\n0\r\nX-T: v\r\n\r\n`,
  'POST /open/c HTTP/1.1\r\nHost: h.test\r\nContent-Length: 3\r\n\r\nabc',
  'GET /open/d?q=1 HTTP/1.1\r\nHost: h.test\r\nX-Noise: a, b\r\n\r\n',
  'PUT /open/e HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
];

/** One to three requests on a connection with one to three mutations: bytes put in, taken out, replaced; lines doubled, swapped, added. */
export function mutatedStream(seed: number): string {
  const random = randomFrom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  const insert = (text: string, at: number): string => text.slice(0, at) + pick(MEANINGFUL) + text.slice(at);
  const swapLines = (text: string): string => {
    const lines = text.split('\r\n');
    const [one, other] = [below(lines.length), below(lines.length)];
    [lines[one], lines[other]] = [lines[other] as string, lines[one] as string];
    return lines.join('\r\n');
  };
  const spliceLine = (text: string, line: (lines: string[]) => string): string => {
    const lines = text.split('\r\n');
    return lines.toSpliced(1 + below(3), 0, line(lines)).join('\r\n');
  };
  const mutators: ((text: string) => string)[] = [
    (text) => insert(text, below(text.length)),
    (text) => insert(text, text.indexOf('\r\n\r\n') + below(4)),
    (text) => cut(text, below(text.length)),
    (text) => insert(cut(text, text.indexOf(':')), text.indexOf(':')),
    (text) => {
      const at = below(text.length);
      return insert(cut(text, at), at);
    },
    swapLines,
    (text) => spliceLine(text, () => pick(LINES)),
    (text) => spliceLine(text, (lines) => pick(lines)),
  ];
  let text = Array.from({ length: 1 + below(3) }, () => pick(BASES)).join('');
  for (let i = below(3); i >= 0; i--) text = pick(mutators)(text);
  return text;
}

function cut(text: string, at: number): string {
  return text.slice(0, at) + text.slice(at + 1);
}
