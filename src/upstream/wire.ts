import type { Socket } from 'node:net';
import { HeadGate } from './head-gate.ts';

/**
 * What undici does not report about the connection below it: whether the upstream takes what is written, whether the
 * connection broke or ended, and the heads as they came.
 */
export class Wire {
  private readonly gate: HeadGate;
  private socket: Socket | undefined;
  /** The connection was lost, which is not how an answer ends (RFC 9112 8). */
  private isLost = false;

  constructor(mostHeadBytes: number) {
    this.gate = new HeadGate(mostHeadBytes);
  }

  /** Inserts itself between this new connection and undici. */
  attach(socket: Socket): void {
    this.socket = socket;
    this.isLost = false;
    // Before undici's own listener, which takes a reset for the end of an answer without a length.
    socket.on('error', () => {
      this.isLost = true;
    });
    const read = socket.read.bind(socket);
    socket.read = (size?: number) => {
      const bytes: Buffer | null = read(size);
      return bytes !== null && this.gate.isWaiting ? this.filter(socket, bytes) : bytes;
    };
  }

  /** A request goes out. */
  expectAnswer(): void {
    this.gate.expect();
  }

  get isBroken(): boolean {
    return this.isLost;
  }

  /** The upstream has not read everything that was written so far. */
  get isBlocked(): boolean {
    return this.socket?.writableNeedDrain === true;
  }

  onceDrained(listener: () => void): void {
    this.socket?.once('drain', listener);
  }

  private filter(socket: Socket, bytes: Buffer): Buffer | null {
    try {
      return this.gate.pass(bytes);
    } catch (error) {
      socket.destroy(error as Error);
      return null;
    }
  }
}
