import { DatabaseSync } from 'node:sqlite';

/** SQLite primary result code. */
const BUSY = 5;

/** A lock that ends with its process, however that ends. */
export interface ProcessLock {
  release(): void;
}

/**
 * Takes the lock named by this file; `undefined` while it is held elsewhere, in this process or another one on
 * this machine. Throws when the file cannot be opened. Node has no file locks of its own, and SQLite has good ones: an
 * empty database in an exclusive transaction, to which nothing is ever written.
 */
export function takeProcessLock(file: string): ProcessLock | undefined {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    // Otherwise SQLite would create a rollback file beside the lock, which never needs one.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return { release: () => db.close() };
  } catch (error) {
    db.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === BUSY) return undefined;
    throw error;
  }
}
