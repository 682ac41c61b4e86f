// HTTP/1.1 as sent on the wire, read leniently: faults that a parser would refuse or repair must be visible to tests.
import { type ByteReader, EndOfBytes } from './byte-reader.ts';

/** Names and values as received: order, letter case, repetitions; bytes as latin1. */
export class HeaderLines {
  readonly lines: readonly (readonly [name: string, value: string])[];

  constructor(lines: readonly (readonly [string, string])[]) {
    this.lines = lines;
  }

  /** Every value of the header, in order. */
  all(name: string): string[] {
    return this.lines.filter((line) => line[0].toLowerCase() === name.toLowerCase()).map((line) => line[1]);
  }

  /** The only value of the header. Throws when there are several, so that no repetition goes unseen. */
  get(name: string): string | undefined {
    const values = this.all(name);
    if (values.length > 1) throw new Error(`${name} came ${values.length} times: ${values.join(' | ')}`);
    return values[0];
  }
}

export interface MessageHead {
  startLine: string;
  headers: HeaderLines;
  raw: Buffer;
}

export interface MessageBody {
  /** Without the chunked framing. */
  body: Buffer;
  trailers: HeaderLines;
  /** False when the connection ended first. */
  isComplete: boolean;
}

const noLines = new HeaderLines([]);

/** Rejects with EndOfBytes when the connection ends first. */
export async function readHead(reader: ByteReader): Promise<MessageHead> {
  const raw = await reader.readThrough('\r\n\r\n');
  const [startLine = '', ...lines] = raw.toString('latin1').slice(0, -4).split('\r\n');
  return { startLine, headers: parseLines(lines), raw };
}

function parseLines(lines: string[]): HeaderLines {
  return new HeaderLines(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
}

export type Framing = 'none' | 'chunked' | 'to-end' | { length: number };

/** How long the body is by its headers (RFC 9112 section 6.3); `otherwise` when they do not say. */
export function framingOf(headers: HeaderLines, otherwise: Framing): Framing {
  if (headers.all('transfer-encoding').some((value) => /chunked/i.test(value))) return 'chunked';
  const length = headers.all('content-length')[0];
  return length === undefined ? otherwise : { length: Number(length) };
}

export async function readBody(reader: ByteReader, framing: Framing): Promise<MessageBody> {
  if (framing === 'none') return { body: Buffer.alloc(0), trailers: noLines, isComplete: true };
  if (framing === 'to-end') return { body: await reader.readToEnd(), trailers: noLines, isComplete: true };
  if (framing === 'chunked') return readChunked(reader);
  const body = await reader.readUpTo(framing.length);
  return { body, trailers: noLines, isComplete: body.length === framing.length };
}

async function readChunked(reader: ByteReader): Promise<MessageBody> {
  const chunks: Buffer[] = [];
  const read = (trailers: HeaderLines, isComplete: boolean) => ({ body: Buffer.concat(chunks), trailers, isComplete });
  try {
    for (;;) {
      const size = Number.parseInt(await readLine(reader), 16);
      if (Number.isNaN(size)) return read(noLines, false);
      if (size === 0) return read(await readTrailers(reader), true);
      chunks.push(await reader.readUpTo(size));
      await readLine(reader);
    }
  } catch (error) {
    if (error instanceof EndOfBytes) return read(noLines, false);
    throw error;
  }
}

async function readTrailers(reader: ByteReader): Promise<HeaderLines> {
  const lines: string[] = [];
  for (;;) {
    const line = await readLine(reader);
    if (line === '') return parseLines(lines);
    lines.push(line);
  }
}

async function readLine(reader: ByteReader): Promise<string> {
  return (await reader.readThrough('\r\n')).toString('latin1').slice(0, -2);
}
