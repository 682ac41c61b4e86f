import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Node's parser, as far as it is used here. */
interface Parser {
  onIncoming: ((req: IncomingMessage) => number) | null;
}

/** Decides what is read of one client's connection, and what becomes of it. */
export class ReadGate {
  private readonly socket: Socket;
  isHeld = false;
  /** Called once when reading begins again. */
  onRelease: (() => void) | undefined;
  private isShut = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Nothing more is read until `release`. What the current read has brought still arrives. */
  hold(): void {
    const { socket } = this;
    if (!this.isHeld) {
      this.isHeld = true;
      // Node and the bodies of requests resume it whenever there is room for more bytes, not for more requests.
      socket.resume = () => socket;
      socket.on('resume', this.stop);
    }
    socket.pause();
    this.stop();
  }

  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    const { socket } = this;
    socket.off('resume', this.stop);
    Reflect.deleteProperty(socket, 'resume');
    socket.resume();
    this.onRelease?.();
    this.onRelease = undefined;
  }

  /** Requests that are still to come are read and forgotten: Node would keep each until the connection ends. */
  shut(): void {
    if (this.isShut) return;
    this.isShut = true;
    const { parser } = this.socket as { parser?: Parser | null };
    if (parser) parser.onIncoming = forget;
  }

  /** Node reads the handle itself, and goes by this event; a resumption that was under way brings no such event. */
  private readonly stop = (): void => void this.socket.emit('pause');
}

function forget(req: IncomingMessage): number {
  // Otherwise Node would hand over the socket.
  (req as { upgrade?: boolean }).upgrade = false;
  req.resume();
  return 0;
}
