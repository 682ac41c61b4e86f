// A client made of a bare socket: it sends exactly the bytes it is given and shows the answer as it came.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ByteReader, type Ending, toBytes, watchEnding, writeBytes } from './byte-reader.ts';
import { type Framing, framingOf, type HeaderLines, readBody, readHead } from './http-message.ts';

interface ResponseHead {
  readonly version: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: HeaderLines;
  /** The bytes of the status line and the headers. */
  readonly raw: Buffer;
}

export interface RawResponse extends ResponseHead {
  readonly body: Buffer;
  /** The body as UTF-8. */
  readonly text: string;
  readonly trailers: HeaderLines;
  /** False when the connection ended before the body did. */
  readonly isComplete: boolean;
  /** The 1xx answers that came before. */
  readonly interim: readonly ResponseHead[];
}

interface ReadOptions {
  /** The method asked with: answers to HEAD have no body. */
  method?: string;
  timeoutMs?: number;
}

export interface RawConnection {
  readonly socket: Socket;
  /** Every byte received so far. */
  readonly bytes: Buffer;
  /** How the other side ended the connection. */
  readonly closed: Promise<Ending>;
  /** A string goes out as latin1. Resolves when the bytes left the process. */
  send(bytes: string | Buffer): Promise<void>;
  /** Sends the bytes one per packet. */
  sendSlowly(bytes: string | Buffer): Promise<void>;
  /** The next answer, whole. */
  read(options?: ReadOptions): Promise<RawResponse>;
  /** The next answer's head, while its body may still be coming. */
  readHead(options?: ReadOptions): Promise<ResponseHead>;
  /** The bytes that came after what was read, through this text: to follow a stream, or a tunnel. */
  readThrough(text: string, options?: ReadOptions): Promise<string>;
  /** Ends our side (FIN) and still reads. */
  end(): void;
  reset(): void;
  destroy(): void;
}

/** Connects to the address's host and port. A read waits 5 s by default. */
export async function connectRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  const reader = new ByteReader(socket);
  const within = <Value>(work: Promise<Value>, options: ReadOptions = {}) => withDeadline(work, reader, options);
  return {
    socket,
    closed: watchEnding(socket),
    get bytes() {
      return reader.record;
    },
    send: (bytes) => writeBytes(socket, bytes),
    sendSlowly: async (bytes) => {
      for (const byte of toBytes(bytes)) await writeBytes(socket, Buffer.of(byte));
    },
    read: (options) => within(readResponse(reader, options?.method), options),
    readHead: (options) => within(readResponseHead(reader), options),
    readThrough: async (text, options) => (await within(reader.readThrough(text), options)).toString('utf8'),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    destroy: () => void socket.destroy(),
  };
}

/** Sends the bytes on a new connection, reads one answer and closes. */
export async function sendRaw(url: string, bytes: string | Buffer, options?: ReadOptions): Promise<RawResponse> {
  const connection = await connectRaw(url);
  try {
    await connection.send(bytes);
    return await connection.read(options);
  } finally {
    connection.destroy();
  }
}

async function readResponse(reader: ByteReader, method = 'GET'): Promise<RawResponse> {
  const interim: ResponseHead[] = [];
  for (;;) {
    const head = await readResponseHead(reader);
    const isFinal = head.status >= 200 || head.status === 101;
    if (isFinal) {
      const { body, trailers, isComplete } = await readBody(reader, bodyFraming(head, method));
      return { ...head, interim, body, text: body.toString('utf8'), trailers, isComplete };
    }
    interim.push(head);
  }
}

async function readResponseHead(reader: ByteReader): Promise<ResponseHead> {
  const { startLine, headers, raw } = await readHead(reader);
  const [, version = '', status = '', statusText = ''] = /^HTTP\/(\S+) (\d+) ?(.*)$/.exec(startLine) ?? [];
  if (status === '') throw new Error(`Not an HTTP answer: ${JSON.stringify(startLine)}`);
  return { version, status: Number(status), statusText, headers, raw };
}

function bodyFraming({ status, headers }: ResponseHead, method: string): Framing {
  const hasNone = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  return hasNone ? 'none' : framingOf(headers, 'to-end');
}

async function withDeadline<Value>(work: Promise<Value>, reader: ByteReader, options: ReadOptions): Promise<Value> {
  const { timeoutMs = 5000 } = options;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(
      new Error(`No whole answer in ${timeoutMs} ms; so far: ${JSON.stringify(reader.record.toString('latin1'))}`),
    );
  }, timeoutMs);
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
