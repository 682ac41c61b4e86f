// A second reading of the same bytes: strict, and written without a look at the gateway's.

interface StrictRequest {
  /** Method and target, as an upstream sees it: without the name of the service. */
  readonly line: string;
  readonly body: string;
}

// Words apart by more than one space are still words (RFC 9112 3).
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) +(\S+) +HTTP\/1\.[01]$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/** The requests on a connection as RFC 9112 reads them, up to the first that is not beyond doubt. */
export function readStrictly(bytes: string): StrictRequest[] {
  const requests: StrictRequest[] = [];
  let rest = bytes;
  for (;;) {
    // Empty lines before a request say nothing, with CR LF or LF alone (RFC 9112 2.2).
    const read = readOne(rest.replace(/^[\r\n]+/, ''));
    if (read === undefined) return requests;
    requests.push(read.request);
    if (read.isLast) return requests;
    rest = read.rest;
  }
}

function readOne(text: string): { request: StrictRequest; rest: string; isLast: boolean } | undefined {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const line = REQUEST_LINE.exec(first);
  const fields = lines.map((each) => FIELD.exec(each));
  if (end < 0 || line === null || fields.includes(null)) return undefined;
  const of = (name: string): string[] =>
    fields.flatMap((field) => (field?.[1]?.toLowerCase() === name ? [field[2] as string] : []));
  const body = readBody(text.slice(end + 4), of('content-length'), of('transfer-encoding'));
  if (body === undefined || of('host').length !== 1) return undefined;
  const isLast = of('connection').some((value) => /\bclose\b/i.test(value)) || first.endsWith('/1.0');
  const target = (line[2] as string).replace(/^\/open(?=[/?]|$)/, '').replace(/^(?!\/)/, '/');
  return { request: { line: `${line[1]} ${target}`, body: body.body }, rest: body.rest, isLast };
}

function readBody(rest: string, lengths: string[], codings: string[]): { body: string; rest: string } | undefined {
  if (codings.length > 0) {
    return lengths.length === 0 && codings.length === 1 && codings[0]?.toLowerCase() === 'chunked'
      ? readChunks(rest)
      : undefined;
  }
  if (lengths.length === 0) return { body: '', rest };
  if (lengths.length > 1 || !/^(0|[1-9]\d{0,9})$/.test(lengths[0] as string)) return undefined;
  const length = Number(lengths[0]);
  return rest.length < length ? undefined : { body: rest.slice(0, length), rest: rest.slice(length) };
}

function readChunks(text: string): { body: string; rest: string } | undefined {
  let rest = text;
  let body = '';
  for (;;) {
    const head = /^([0-9a-f]{1,12})((?:;[^\r\n\0]*)?)\r\n/i.exec(rest);
    if (head === null) return undefined;
    const size = Number.parseInt(head[1] as string, 16);
    rest = rest.slice(head[0].length);
    if (size === 0) break;
    if (rest.slice(size, size + 2) !== '\r\n') return undefined;
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
  const trailers = /^(?:[^\r\n]+\r\n)*\r\n/.exec(rest);
  return trailers === null ? undefined : { body, rest: rest.slice(trailers[0].length) };
}
