import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { type ProcessLock, takeProcessLock } from '../../storage/process-lock.ts';
import { encodeId } from '../usage-row.ts';
import { type FrameKind, sizeOf, writeFrame } from './frame.ts';
import { Segment } from './segment.ts';

export interface JournalOptions {
  /** Shared by all processes of a machine; created when it is first written to. */
  readonly folder: string;
  readonly clock: Clock;
  /** Bytes on disk past which nothing new is accepted. */
  readonly mostBytes: () => number;
  /** The disk started or stopped accepting writes. */
  readonly onWritable?: (isWritable: boolean, error?: unknown) => void;
}

const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Only whole segments can be removed, so a small journal has small ones. */
const LEAST_SEGMENTS = 8;
const BUFFER_BYTES = 128 * 1024;
/** While the disk refuses writes, results of running exchanges wait in memory; beyond this number they are lost. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024;
/** Less than the 10 ms that are promised, as timers are late. */
const SYNC_AFTER_MS = 7;
const RETRY_MS = 1000;
/** A closed segment in which something still runs may stay for so long before that moves to the present one. */
const MOVE_AFTER_MS = 5 * 60_000;
/** Even where little happens, a segment that the database has is not kept. */
const LONGEST_SEGMENT_MS = 60_000;

/** Past this number, as when the database is away for long, a segment ends only when it is large. */
const MOST_YOUNG_SEGMENTS = 16;

/** An exchange that is running, as the journal has it. */
export interface Entry {
  readonly id: string;
  /** Text of its `opened` record. */
  readonly text: string;
  /** Its position; private to the journal. */
  segment: Segment | undefined;
  /** How much the journal had taken with it; the journal's own. */
  position: number;
}

/**
 * The journal of one process: a row of append-only files that no other process writes to. Records gather in memory and
 * are written once per turn of the event loop, or when `ensureWritten` is asked for one of them: then they survive the
 * end of the process. They are on the disk within 10 ms, and survive the end of the machine.
 */
export class Journal {
  readonly instance = randomBytes(8).toString('hex');
  /** Oldest first; the last one is being written. */
  readonly segments: Segment[] = [];
  /** On disk. */
  bytes = 0;

  private readonly options: JournalOptions;
  private lock: ProcessLock | undefined;
  private buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  private used = 0;
  /** Counts of all bytes ever. */
  private appended = 0;
  private written = 0;
  private failedAt: number | undefined;
  private hasEnded = false;
  private made = 0;
  private isFlushPlanned = false;
  private syncTimer: NodeJS.Timeout | undefined;
  private retryTimer: NodeJS.Timeout | undefined;

  constructor(options: JournalOptions) {
    this.options = options;
  }

  /** False while the disk refuses writes. */
  get isWritable(): boolean {
    return this.failedAt === undefined;
  }

  get isFull(): boolean {
    return this.bytes >= this.options.mostBytes();
  }

  /** Whether a new exchange can be recorded. Creates the first file; never throws. */
  accepts(): boolean {
    if (this.hasEnded) return false;
    if (this.segments.length > 0) return this.isWritable && !this.isFull;
    const isTooSoon = this.failedAt !== undefined && this.options.clock.monotonic() - this.failedAt < RETRY_MS;
    return !isTooSoon && this.begin();
  }

  /** Only after `accepts`. */
  open(entry: Entry): void {
    this.append('opened', entry.text);
    this.place(entry);
  }

  /** Ends an exchange with its final record, or with `undefined` if it called no upstream. */
  close(entry: Entry, text: string | undefined): void {
    const isKept = text === undefined ? this.append('void', encodeId(entry.id)) : this.append('settled', text);
    // An exchange whose record was lost counts as running: its `opened` record stays, and the next start estimates it.
    if (isKept && entry.segment) entry.segment.running -= 1;
  }

  /** Makes the entry survive the end of the process, unless the disk refuses it, which the next one will hear of. */
  ensureWritten(entry: Entry): void {
    if (this.written < entry.position && this.isWritable) this.flush();
  }

  /** Writes the buffered records. Never throws. */
  readonly flush = (): void => {
    this.isFlushPlanned = false;
    const segment = this.segments.at(-1);
    if (this.used === 0 || !segment) return;
    try {
      segment.write(this.buffer.subarray(0, this.used));
    } catch (error) {
      return this.fail(error);
    }
    this.bytes += this.used;
    this.written = this.appended;
    this.used = 0;
    this.recover();
    this.planSync();
    if (segment.bytes >= Math.min(SEGMENT_BYTES, this.options.mostBytes() / LEAST_SEGMENTS)) this.begin();
  };

  /** Removes segments that are no longer needed, the oldest first. `running` holds the entries that are not closed. */
  trim(running: () => Iterable<Entry>): void {
    this.endStale();
    // The record that closes an entry must be on file before the file with its `opened` record is removed.
    this.flush();
    if (this.used > 0) return;
    while (this.segments.length > 1 || this.isIdle) {
      const oldest = this.segments[0] as Segment;
      if (!oldest.isShipped) return;
      if (oldest.running > 0) {
        if (this.ageOf(oldest) < MOVE_AFTER_MS && !this.isFull) return;
        this.move(oldest, running());
        if (this.used > 0) return;
      }
      oldest.remove();
      this.bytes -= oldest.bytes;
      this.segments.shift();
    }
  }

  /** Writes the remaining records. Records that are not in the database yet are left to the next process. */
  end(): void {
    this.hasEnded = true;
    this.flush();
    clearTimeout(this.syncTimer);
    clearTimeout(this.retryTimer);
    let isLeft = false;
    for (const segment of this.segments.splice(0)) {
      const isNeeded = !segment.isShipped || segment.running > 0;
      if (isNeeded) segment.end();
      else segment.remove();
      isLeft ||= isNeeded;
    }
    if (this.lock && !isLeft) rmSync(this.lockFile, { force: true });
    this.lock?.release();
    this.lock = undefined;
  }

  /** Nothing is running and nothing is left to ship: not even the last segment is needed. */
  private get isIdle(): boolean {
    const [only] = this.segments;
    return only !== undefined && only.bytes > 0 && this.ageOf(only) > LONGEST_SEGMENT_MS && only.running === 0;
  }

  private get lockFile(): string {
    return join(this.options.folder, `${this.instance}.lock`);
  }

  private ageOf({ createdAt }: Segment): number {
    return this.options.clock.now() - createdAt;
  }

  private endStale(): void {
    const last = this.segments.at(-1);
    if (!last || last.running === 0 || this.segments.length >= MOST_YOUNG_SEGMENTS) return;
    if (this.ageOf(last) > LONGEST_SEGMENT_MS) this.begin();
  }

  /** Starts the next segment; if that fails, the current one continues. */
  private begin(): boolean {
    const { folder, clock } = this.options;
    try {
      if (!this.lock) {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        this.lock = takeProcessLock(this.lockFile);
        if (!this.lock) throw new Error('another process holds the lock of this journal');
      }
      const number = String(++this.made).padStart(8, '0');
      this.segments.push(new Segment(join(folder, `${this.instance}.${number}.log`), clock.now()));
      this.recover();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** Writes the records of what still runs once more, where they may stay. */
  private move(from: Segment, running: Iterable<Entry>): void {
    for (const entry of running) {
      if (entry.segment !== from || !this.append('opened', entry.text)) continue;
      from.running -= 1;
      this.place(entry);
    }
    this.flush();
  }

  /** What was appended last goes to the last segment. */
  private place(entry: Entry): void {
    entry.segment = this.segments.at(-1);
    entry.position = this.appended;
    if (entry.segment) entry.segment.running += 1;
  }

  /** False when there is no room for it in memory. */
  private append(kind: FrameKind, text: string): boolean {
    const size = sizeOf(text);
    if (this.used + size > this.buffer.length && !this.makeRoom(size)) return false;
    writeFrame(this.buffer, this.used, kind, text);
    this.appended += size;
    this.used += size;
    if (!this.isFlushPlanned && this.isWritable) {
      this.isFlushPlanned = true;
      setImmediate(this.flush);
    }
    return true;
  }

  private makeRoom(size: number): boolean {
    if (this.isWritable) this.flush();
    if (this.used + size <= this.buffer.length) return true;
    if (this.buffer.length >= MOST_WAITING_BYTES) return false;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, this.used + size));
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
    return true;
  }

  private fail(error: unknown): void {
    const { clock, onWritable } = this.options;
    if (this.isWritable) onWritable?.(false, error);
    this.failedAt = clock.monotonic();
    this.retryTimer ??= setTimeout(() => {
      this.retryTimer = undefined;
      if (this.used > 0) this.flush();
      else if (this.segments.length > 0) this.begin();
    }, RETRY_MS).unref();
  }

  private recover(): void {
    if (this.isWritable) return;
    this.failedAt = undefined;
    this.options.onWritable?.(true);
  }

  private planSync(): void {
    this.syncTimer ??= setTimeout(this.sync, SYNC_AFTER_MS).unref();
  }

  private readonly sync = (): void => {
    this.syncTimer = undefined;
    for (const segment of this.segments) {
      segment.sync((error) => {
        if (error) this.fail(error);
        else if (!segment.isSynced) this.planSync();
      });
    }
  };
}
