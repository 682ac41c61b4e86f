import type { Clock } from '../lib/clock.ts';
import { adoptJournals } from './journal/heirs.ts';
import { Journal } from './journal/journal.ts';
import { Shipper } from './journal/shipper.ts';
import type { PendingAmounts } from './pending-amounts.ts';
import { type OnFull, Recorder } from './recorder.ts';
import type { UsageStore } from './usage-store.ts';

/** The parts of the logger that usage writes to. */
export interface UsageLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LedgerOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly store: UsageStore;
  readonly pending: PendingAmounts;
  readonly log: UsageLog;
  readonly mostBytes: () => number;
  readonly onFull: () => OnFull;
  /** Switches a reason of degradation on or off. */
  readonly degraded: (reason: string, on: boolean) => void;
}

/** Everything that records with exactness: loaded by those who have something to record, or somebody to inherit from. */
export class Ledger {
  readonly recorder: Recorder;
  readonly shipper: Shipper;
  readonly journal: Journal;
  private readonly options: LedgerOptions;
  private adopting: Promise<void> | undefined;

  constructor(options: LedgerOptions) {
    const { folder, clock, mostBytes, onFull, pending, store } = options;
    this.options = options;
    this.journal = new Journal({ folder, clock, mostBytes, onWritable: this.reportDisk });
    const { journal } = this;
    this.recorder = new Recorder({ journal, clock, onFull, onSettled: (row) => pending.add(row) });
    const running = () => this.recorder.running.list();
    this.shipper = new Shipper({ journal, store, pending, running, onUnstorable: this.reportUnstorable });
  }

  /** Takes over the journals of processes that have ended. Never rejects. */
  adopt(keptSince: number): Promise<void> {
    this.adopting ??= this.adoptAll(keptSince).finally(() => {
      this.adopting = undefined;
    });
    return this.adopting;
  }

  /** Ships what it can to the database and leaves the rest to the next process. */
  async close(): Promise<void> {
    await this.shipper.close();
    await this.adopting;
    this.journal.end();
  }

  private async adoptAll(keptSince: number): Promise<void> {
    const { folder, store, log } = this.options;
    const self = this.journal.instance;
    try {
      const found = await adoptJournals({ folder, self, store, keptSince, onUnstorable: this.reportUnstorable });
      for (const inheritance of found) log.info({ ...inheritance }, 'took over the usage journal of an ended process');
    } catch (error) {
      log.warn({ err: error }, 'the usage journals of ended processes wait for the database');
    }
  }

  private readonly reportDisk = (isWritable: boolean, error?: unknown): void => {
    const { degraded, log, folder } = this.options;
    degraded('usage_journal_unwritable', !isWritable);
    if (isWritable) log.info({ folder }, 'the usage journal can be written again');
    else log.error({ folder, err: error }, 'the usage journal cannot be written');
  };

  private readonly reportUnstorable = (record: string, error: unknown): void => {
    this.options.log.error({ record, err: error }, 'the database does not take a usage record');
  };
}
