import { connect, type Socket } from 'node:net';

/** When each frame of a stream was sent and when it came, in nanoseconds of one clock. */
export interface Arrival {
  readonly sent: bigint;
  readonly came: bigint;
}

export interface StreamResult {
  readonly startedAt: bigint;
  readonly arrivals: readonly Arrival[];
}

const SENT = /"content":"(\d+)"/g;

/** Reads a stream to its end over a bare socket, the cheapest reader there is. Rejects when it ends before `[DONE]`. */
export function readStream(url: string, key: string, model: string): Promise<StreamResult> {
  const startedAt = process.hrtime.bigint();
  const arrivals: Arrival[] = [];
  const socket = openStream(url, key, model);
  return new Promise((resolve, reject) => {
    let last = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      const came = process.hrtime.bigint();
      for (const [, sent] of text.matchAll(SENT)) arrivals.push({ sent: BigInt(sent as string), came });
      last = (last + text).slice(-200);
      if (!last.includes('[DONE]')) return;
      socket.destroy();
      resolve({ startedAt, arrivals });
    });
    socket.on('error', reject).on('close', () => reject(new Error(`the stream ended early: ${last}`)));
  });
}

/** Asks for a stream; what comes is up to the caller. */
export function openStream(url: string, key: string, model: string): Socket {
  const { hostname, port, pathname } = new URL(url);
  const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'hello' }] });
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: bench\r\nX-Api-Key: ${key}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}
