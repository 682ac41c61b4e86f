import type { FieldSpan } from '../../exchange/model-call.ts';

/** Deeper than any request to a model, and shallow enough for readers that recurse. */
const DEEPEST = 128;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

/**
 * Finds the top-level fields of a JSON object. Only means something for bytes that `JSON.parse` accepts; of others it
 * returns whatever it takes for fields, and never fails.
 */
export function scanFields(bytes: Buffer): FieldSpan[] | 'too deep' {
  return new FieldScanner(bytes).scan();
}

class FieldScanner {
  private readonly bytes: Buffer;
  private readonly spans: FieldSpan[] = [];
  private key: string | undefined;
  private from = 0;
  private valueFrom = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  scan(): FieldSpan[] | 'too deep' {
    const { bytes } = this;
    const { length } = bytes;
    let depth = 0;
    for (let at = 0; at < length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        const end = endOfString(bytes, at + 1);
        if (depth === 1 && this.key === undefined) this.key = readKey(bytes, at, end);
        at = end;
      } else if ((byte | 0x20) === 0x7b) {
        // `{` and `[` differ from each other in the bit that is set here, and no other byte of JSON outside strings.
        if (++depth > DEEPEST) return 'too deep';
        if (depth === 1) this.from = at + 1;
      } else if ((byte | 0x20) === 0x7d) {
        if (depth-- === 1) this.close(at);
      } else if (depth === 1) {
        if (byte === COLON) this.valueFrom = at + 1;
        else if (byte === COMMA) this.close(at);
      }
    }
    return this.spans;
  }

  private close(to: number): void {
    const { bytes, key, from } = this;
    this.from = to + 1;
    if (key === undefined) return;
    this.key = undefined;
    let { valueFrom } = this;
    let valueTo = to;
    while (valueFrom < to && isSpace(bytes[valueFrom])) valueFrom++;
    while (valueTo > valueFrom && isSpace(bytes[valueTo - 1])) valueTo--;
    this.spans.push({ key, from, valueFrom, valueTo, to });
  }
}

/** Index of the closing quote, or of the end. */
function endOfString(bytes: Buffer, from: number): number {
  const { length } = bytes;
  for (let at = from; at < length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return length;
}

function readKey(bytes: Buffer, open: number, close: number): string {
  const written = bytes.toString('utf8', open, close + 1);
  if (!written.includes('\\')) return written.slice(1, -1);
  try {
    return JSON.parse(written) as string;
  } catch {
    return written;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
