import type { Socket } from 'node:net';

/** The connection ended before the bytes that were waited for had come. */
export class EndOfBytes extends Error {
  constructor(partial: Buffer) {
    super(`The connection ended after ${JSON.stringify(partial.toString('latin1').slice(0, 200))}`);
  }
}

/** How the other side ends the connection: in order, or not. */
export type Ending = 'fin' | 'reset';

export function watchEnding(socket: Socket): Promise<Ending> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve('fin'));
    socket.once('error', () => resolve('reset')).once('close', () => resolve('reset'));
  });
}

/** Writes the bytes as they are, a string as latin1; resolves when they left the process. */
export function writeBytes(socket: Socket, bytes: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(toBytes(bytes), (error) => (error ? reject(error) : resolve()));
  });
}

export function toBytes(bytes: string | Buffer): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
}

/** Takes bytes out of a socket in the amounts a parser wants, and keeps a record of all that came. */
export class ByteReader {
  #chunks: Buffer[] = [];
  #size = 0;
  #record: Buffer[] = [];
  #isOver = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#record.push(chunk);
      this.putBack(chunk, 'behind');
    });
    const end = () => {
      this.#isOver = true;
      this.#wake();
    };
    socket.once('end', end).once('close', end);
  }

  /** Every byte that ever came. */
  get record(): Buffer {
    return Buffer.concat(this.#record);
  }

  /** Bytes that came and were not taken yet. */
  get waiting(): number {
    return this.#size;
  }

  putBack(chunk: Buffer, where: 'front' | 'behind' = 'front'): void {
    if (where === 'front') this.#chunks.unshift(chunk);
    else this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#wake();
  }

  /** Whatever is there, at least one byte; empty at the end of the connection. */
  async readSome(): Promise<Buffer> {
    while (this.#size === 0 && !this.#isOver) await this.#more();
    return this.#take();
  }

  /** The bytes up to and with the mark. Rejects with EndOfBytes. */
  async readThrough(mark: string): Promise<Buffer> {
    for (;;) {
      const bytes = this.#take();
      const at = bytes.indexOf(mark, 0, 'latin1');
      if (at >= 0) {
        const end = at + mark.length;
        this.putBack(bytes.subarray(end));
        return bytes.subarray(0, end);
      }
      if (this.#isOver) throw new EndOfBytes(bytes);
      this.putBack(bytes);
      await this.#more();
    }
  }

  /** So many bytes, or fewer when the connection ends first. */
  async readUpTo(count: number): Promise<Buffer> {
    while (this.#size < count && !this.#isOver) await this.#more();
    const bytes = this.#take();
    this.putBack(bytes.subarray(count));
    return bytes.subarray(0, count);
  }

  async readToEnd(): Promise<Buffer> {
    while (!this.#isOver) await this.#more();
    return this.#take();
  }

  #take(): Buffer {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#size = 0;
    return bytes;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
