// An answer as data, so that a fault is a plain function from one answer to another.
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { signalClose } from '../http-service.ts';

/** Bytes to write, a pause (forever unless `ms` is given), or a TCP reset. */
export type Piece = string | Buffer | { pause: true; ms?: number | undefined } | { reset: true };

export interface Answer {
  status: number;
  headers: Record<string, string>;
  pieces: Piece[];
  /** Milliseconds between two pieces. */
  pieceDelayMs?: number;
  /** Milliseconds before the first byte. */
  startDelayMs?: number;
  /** Close the connection at the end, whatever length was promised. */
  closes?: boolean;
}

/** JSON with its length, in four pieces, so that there is a middle to fail in. */
export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  const body = Buffer.from(JSON.stringify(value));
  const quarter = Math.ceil(body.length / 4);
  const pieces = [0, 1, 2, 3].map((part) => body.subarray(part * quarter, (part + 1) * quarter));
  return {
    status,
    headers: { 'content-type': 'application/json', 'content-length': String(body.length), ...headers },
    pieces,
  };
}

/** The error body of OpenAI's API. */
export function errorAnswer(status: number, message: string, type = 'invalid_request_error', code?: string): Answer {
  return jsonAnswer(status, { error: { message, type, param: null, code: code ?? null } });
}

/** An event stream: one piece per event. */
export function eventAnswer(events: string[]): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
    pieces: events,
  };
}

/** Plays the answer; stops when the client leaves. */
export async function sendAnswer(res: ServerResponse, answer: Answer): Promise<void> {
  const gone = signalClose(res);
  try {
    await delay(answer.startDelayMs ?? 0, undefined, { signal: gone });
    await playPieces(res, answer, gone);
  } catch (error) {
    if (!gone.aborted) throw error;
  }
}

async function playPieces(res: ServerResponse, answer: Answer, gone: AbortSignal): Promise<void> {
  for (const [index, piece] of answer.pieces.entries()) {
    if (index > 0 && answer.pieceDelayMs) await delay(answer.pieceDelayMs, undefined, { signal: gone });
    if (typeof piece === 'object' && 'reset' in piece) {
      res.socket?.resetAndDestroy();
      return;
    }
    if (!res.headersSent) res.writeHead(answer.status, answer.headers).flushHeaders();
    if (typeof piece === 'object' && 'pause' in piece) {
      await delay(piece.ms ?? 2 ** 31 - 1, undefined, { signal: gone });
    } else {
      await written(res, piece);
    }
  }
  const { socket } = res;
  res.end(() => answer.closes && socket?.destroySoon());
}

/** Resolves once the bytes left the process, so that a reset that follows cannot swallow them. */
function written(res: ServerResponse, piece: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    res.write(piece, (error) => (error ? reject(error) : resolve()));
  });
}
