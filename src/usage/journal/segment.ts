import { close, fdatasync, ftruncateSync, openSync, readSync, unlink, writeSync } from 'node:fs';

/** One file of a journal, from its creation to its removal by the process that writes it. */
export class Segment {
  readonly path: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Records that are whole on file. */
  bytes = 0;
  /** Up to here the database has everything that is settled. */
  shippedTo = 0;
  /** Running exchanges whose `opened` record is in this segment. */
  running = 0;

  private readonly fd: number;
  private isSyncing = false;
  private isRemoved = false;
  private syncedTo = 0;

  /** Throws when the file cannot be created. */
  constructor(path: string, createdAt: number) {
    this.path = path;
    this.createdAt = createdAt;
    this.fd = openSync(path, 'wx+', 0o600);
  }

  get isShipped(): boolean {
    return this.shippedTo === this.bytes;
  }

  get isSynced(): boolean {
    return this.syncedTo === this.bytes;
  }

  /** Writes records, or throws and leaves the file as it was. */
  write(records: Buffer): void {
    let written = 0;
    try {
      while (written < records.length)
        written += writeSync(this.fd, records, written, records.length - written, this.bytes + written);
    } catch (error) {
      // Half a record in the middle would cost nothing but its space; a disk that is full has none.
      if (written > 0) ftruncateSync(this.fd, this.bytes);
      throw error;
    }
    this.bytes += records.length;
  }

  /** The unshipped bytes, up to a maximum; the last record may be incomplete. */
  readUnshipped(most: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(most, this.bytes - this.shippedTo));
    const read = readSync(this.fd, bytes, 0, bytes.length, this.shippedTo);
    return bytes.subarray(0, read);
  }

  /** Flushes written data to disk in the background, and reports the outcome to `done`. */
  sync(done: (error: Error | null) => void): void {
    if (this.isSyncing || this.isSynced) return;
    const upTo = this.bytes;
    this.isSyncing = true;
    fdatasync(this.fd, (error) => {
      this.isSyncing = false;
      if (!error) this.syncedTo = upTo;
      if (this.isRemoved) close(this.fd, ignore);
      else done(error);
    });
  }

  /** A file that cannot be removed does no harm: its content is already in the database. */
  remove(): void {
    unlink(this.path, ignore);
    this.end();
  }

  /** Leaves the file to the next process. */
  end(): void {
    this.isRemoved = true;
    if (!this.isSyncing) close(this.fd, ignore);
  }
}

function ignore(): void {
  // Nothing can be done about it, and nothing is lost.
}
