// An upstream made of a bare socket: it records every byte it receives and answers with exactly the bytes of a script.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { ByteReader, EndOfBytes, type Ending, watchEnding, writeBytes } from './byte-reader.ts';
import { framingOf, type HeaderLines, type MessageHead, readBody, readHead } from './http-message.ts';

interface ReceivedRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: HeaderLines;
  /** The bytes of the request line and the headers. */
  readonly head: Buffer;
  /** Without chunked framing; empty until the body has come. */
  readonly body: Buffer;
  /** Undefined until the body has ended; false when the connection ended first. */
  readonly isComplete: boolean | undefined;
  readonly connection: UpstreamConnection;
}

interface UpstreamConnection {
  /** 0 for the first connection. */
  readonly index: number;
  readonly socket: Socket;
  /** Every byte received so far. */
  readonly bytes: Buffer;
  /** How the other side ended it; resolves when it is gone. */
  readonly closed: Promise<Ending>;
}

/** What a script does with one request; it is called as soon as the head is there. */
interface Call {
  readonly request: ReceivedRequest;
  /** How many requests came before this one, over all connections. */
  readonly index: number;
  readonly socket: Socket;
  /** Resolves when the body has come, or the connection has ended. */
  readonly received: Promise<void>;
  /** Writes the bytes as they are (a string as latin1); resolves when they left the process. */
  write(bytes: string | Buffer): Promise<void>;
  /** Writes a whole answer with a Content-Length, unless the headers name a length themselves. */
  answer(status: number, body?: string | Buffer, headers?: Record<string, string>): Promise<void>;
  /** Ends our side in order (FIN). */
  end(): void;
  /** Ends the connection with RST. */
  reset(): void;
  /** From here on the bytes are no requests: after an upgrade. Resolves with what comes next, empty at the end. */
  readTunnel(): Promise<Buffer>;
}

export type Script = (call: Call) => void | Promise<void>;

export interface RawUpstream {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly ReceivedRequest[];
  readonly connections: readonly UpstreamConnection[];
  /** What went wrong inside scripts, other than connections that ended. */
  readonly failures: readonly unknown[];
  /** Changes the script for requests still to come. */
  play(script: Script): void;
  /** Stops listening and destroys every connection. Harmless when closed already. */
  close(): Promise<void>;
  /** Listens on the same port again. */
  reopen(): Promise<void>;
}

interface RawUpstreamOptions {
  /** Called with each new connection, before a byte is read: to reset it, or to speak first. */
  onConnection?: (socket: Socket) => void;
}

/** Answers 200 with the text `ok`, once the request is complete. */
export const answerOk: Script = async (call) => {
  await call.received;
  await call.answer(200, 'ok');
};

/** The first request gets the first script and so on; the last one is for all that follow. */
export function inTurn(...scripts: [Script, ...Script[]]): Script {
  return (call) => scripts[Math.min(call.index, scripts.length - 1)]?.(call);
}

/** Listens on a free port of 127.0.0.1. Requests of one connection are played one after the other. */
export async function startRawUpstream(
  script: Script = answerOk,
  { onConnection }: RawUpstreamOptions = {},
): Promise<RawUpstream> {
  const record: UpstreamRecord = { requests: [], connections: [], failures: [], script };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const reader = new ByteReader(socket);
    const connection = openConnection(socket, reader, record.connections.length);
    record.connections.push(connection);
    onConnection?.(socket);
    serve(reader, connection, record).catch((error: unknown) => {
      if (!isEndOfConnection(error)) record.failures.push(error);
      socket.destroy();
    });
  });
  const port = await listen(server, 0);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: record.requests,
    connections: record.connections,
    failures: record.failures,
    play: (next) => void (record.script = next),
    close: () => close(server, record.connections),
    reopen: async () => void (await listen(server, port)),
  };
}

interface UpstreamRecord {
  requests: ReceivedRequest[];
  connections: UpstreamConnection[];
  failures: unknown[];
  script: Script;
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function close(server: Server, connections: UpstreamConnection[]): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  for (const { socket } of connections) socket.destroy();
  await closed;
}

function openConnection(socket: Socket, reader: ByteReader, index: number): UpstreamConnection {
  const closed = watchEnding(socket);
  return {
    index,
    socket,
    closed,
    get bytes() {
      return reader.record;
    },
  };
}

async function serve(reader: ByteReader, connection: UpstreamConnection, record: UpstreamRecord): Promise<void> {
  for (;;) {
    const request = openRequest(await readHead(reader), connection);
    const index = record.requests.push(request) - 1;
    const received = readBody(reader, framingOf(request.headers, 'none')).then(({ body, isComplete }) => {
      Object.assign(request, { body, isComplete });
    });
    let isTunnel = false;
    const readTunnel = async () => {
      isTunnel = true;
      await received;
      return reader.readSome();
    };
    await record.script({ request, index, received, readTunnel, ...writer(connection.socket) });
    await received;
    if (isTunnel) return;
  }
}

function openRequest({ startLine, headers, raw }: MessageHead, connection: UpstreamConnection): ReceivedRequest {
  const [method = '', target = '', version = ''] = startLine.split(' ');
  return { method, target, version, headers, head: raw, body: Buffer.alloc(0), isComplete: undefined, connection };
}

function writer(socket: Socket): Pick<Call, 'socket' | 'write' | 'answer' | 'end' | 'reset'> {
  return {
    socket,
    write: (bytes) => writeBytes(socket, bytes),
    answer: (status, body = '', headers = {}) => writeBytes(socket, render(status, body, headers)),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
  };
}

function render(status: number, text: string | Buffer, headers: Record<string, string>): Buffer {
  const body = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  const isFramed = Object.keys(headers).some((name) => /^(content-length|transfer-encoding)$/i.test(name));
  const all = isFramed ? headers : { ...headers, 'Content-Length': String(body.length) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Scripted\r\n${lines.join('')}\r\n`, 'latin1'), body]);
}

function isEndOfConnection(error: unknown): boolean {
  const { code } = error as { code?: string };
  return error instanceof EndOfBytes || ['ECONNRESET', 'EPIPE', 'ERR_STREAM_DESTROYED'].includes(code ?? '');
}
