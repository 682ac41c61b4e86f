import type { PendingAmounts } from '../pending-amounts.ts';
import { decodeAmounts } from '../usage-row.ts';
import type { UsageStore } from '../usage-store.ts';
import type { Entry, Journal } from './journal.ts';
import { readFrames } from './frame.ts';

export interface ShipperOptions {
  readonly journal: Journal;
  readonly store: UsageStore;
  readonly running: () => Iterable<Entry>;
  /** Called with the records that the database has accepted. */
  readonly pending: PendingAmounts;
  readonly onUnstorable: (text: string, error: unknown) => void;
}

const INTERVAL_MS = 1000;
/** Some hundred records: a statement stays short, and so does the reading. */
const BATCH_BYTES = 128 * 1024;

/** Brings the settled records of a journal to the database, and removes the files that have nothing else in them. */
export class Shipper {
  private readonly options: ShipperOptions;
  private readonly timer: NodeJS.Timeout;
  private shipping: Promise<void> | undefined;

  constructor(options: ShipperOptions) {
    this.options = options;
    // Records that cannot be shipped now are shipped later; the identity change feed reports a database that is down.
    this.timer = setInterval(() => void this.ship().catch(ignore), INTERVAL_MS).unref();
  }

  /** Ships everything on file. Rejects if the database does not accept it; a later call continues from there. */
  ship(): Promise<void> {
    this.shipping ??= this.shipAll().finally(() => {
      this.shipping = undefined;
    });
    return this.shipping;
  }

  /** Ends the timer and makes a last attempt. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.shipping?.catch(ignore);
    this.options.journal.flush();
    await this.ship().catch(ignore);
  }

  private async shipAll(): Promise<void> {
    const { journal, running } = this.options;
    for (const segment of journal.segments.slice()) {
      // Records written meanwhile wait for the next turn: otherwise they would be shipped in many small pieces.
      const upTo = segment.bytes;
      while (segment.shippedTo < upTo) await this.shipSome(segment);
    }
    journal.trim(running);
  }

  private async shipSome(segment: Journal['segments'][number]): Promise<void> {
    const { store, pending, onUnstorable } = this.options;
    const bytes = segment.readUnshipped(BATCH_BYTES);
    const texts: string[] = [];
    let end = 0;
    for (const frame of readFrames(bytes)) {
      if (frame.kind === 'settled') texts.push(bytes.toString('latin1', frame.from, frame.to));
      end = frame.to;
    }
    pending.isMoving = texts.length > 0;
    try {
      if (texts.length > 0) await store.insert(texts, onUnstorable);
      pending.subtract(texts.map(decodeAmounts));
    } finally {
      pending.isMoving = false;
    }
    // No whole record in so many bytes: somebody has written over the file, or cut it.
    segment.shippedTo = end === 0 ? segment.bytes : segment.shippedTo + end;
  }
}

function ignore(): void {
  // The next call finds the same records and tries again.
}
