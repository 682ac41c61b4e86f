import type { Socket } from 'node:net';

const LOOK_EVERY_MS = 250;

/** How long a client may go on sending what nobody needs. */
export interface Patience {
  /** Milliseconds without a byte. */
  readonly silenceMs: number;
  readonly totalMs: number;
}

/** As nginx does: long enough for a slow client to see the answer, short enough to be worth nothing to a hostile one. */
const LINGERING: Patience = { silenceMs: 5_000, totalMs: 30_000 };

/**
 * Closes a connection whose client may still be sending. A socket that is closed with unread bytes is reset by the
 * kernel, and the reset erases the answer before the client has read it (RFC 9112 section 9.6): so our side ends, what
 * comes is read away, and the rest follows when the client has ended too, or has had time enough.
 */
export function closeInStages(socket: Socket): void {
  if (socket.writable) socket.end();
  watchReading(socket, () => socket.destroyed, LINGERING);
}

/** Destroys the socket when bytes that are being read away come too slowly or for too long; until `isDone`. */
export function watchReading(socket: Socket, isDone: () => boolean, { silenceMs, totalMs }: Patience): void {
  const begun = performance.now();
  let quietSince = begun;
  let { bytesRead } = socket;
  const timer = setInterval(() => {
    if (socket.destroyed || isDone()) return clearInterval(timer);
    const now = performance.now();
    if (socket.bytesRead !== bytesRead) quietSince = now;
    ({ bytesRead } = socket);
    if (now - quietSince < silenceMs && now - begun < totalMs) return;
    clearInterval(timer);
    socket.destroy();
  }, LOOK_EVERY_MS).unref();
}
