import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Who accounts for a body that passes through. */
export interface PassingBodyOwner {
  /** Reading begins. */
  start(): void;
  /** Counts bytes that came; false when the body has failed because of them. */
  countBytes(bytes: number): boolean;
  /** The reader has as much as it can take: the client is not waited for. */
  suspend(): void;
  /** The reader wants more again. */
  resume(): void;
  /** The last byte has come. */
  finish(): void;
  /** Nobody reads any more: the client's bytes wait, unless they are to be read away. */
  pause(): void;
  /** The client is gone before its last byte. */
  breakOff(): void;
}

/**
 * Hands the client's bytes on with backpressure. It stands between the request and undici because undici destroys a
 * body stream it no longer needs, and destroying the request itself would take the client's connection with it.
 */
export class PassingBody extends Readable {
  private readonly req: IncomingMessage;
  private readonly owner: PassingBodyOwner;
  private isAttached = false;

  constructor(req: IncomingMessage, owner: PassingBodyOwner) {
    super({ highWaterMark: 64 * 1024 });
    this.req = req;
    this.owner = owner;
  }

  override _read(): void {
    if (this.isAttached) this.owner.resume();
    else this.attach();
    this.req.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.req.off('data', this.onData).off('end', this.onEnd).off('close', this.onClose);
    this.owner.pause();
    callback(error);
  }

  private attach(): void {
    this.isAttached = true;
    this.owner.start();
    this.req.on('data', this.onData).on('end', this.onEnd).on('close', this.onClose);
  }

  private readonly onData = (chunk: Buffer): void => {
    if (!this.owner.countBytes(chunk.length) || this.push(chunk)) return;
    this.owner.suspend();
    this.req.pause();
  };

  private readonly onEnd = (): void => {
    this.owner.finish();
    this.push(null);
  };

  private readonly onClose = (): void => {
    if (!this.req.complete) this.owner.breakOff();
  };
}
