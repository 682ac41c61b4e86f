// Room usage: records model calls and their cost, and survives a crash.
// In it: the journal on disk, its way into the database, sums and reports.
// Never in it: limits; counters decide what is left.

import { readdir } from 'node:fs/promises';
import type { Exchange } from '../exchange/exchange.ts';
import { statusSeen } from '../exchange/respond.ts';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/with-deadline.ts';
import type { Database } from '../storage/database.ts';
import type { Ledger, UsageLog } from './ledger.ts';
import { MinuteTally } from './minute-tally.ts';
import { PendingAmounts } from './pending-amounts.ts';
import type { OnFull } from './recorder.ts';
import { OWN_SERVICE, readAmounts, readRequests, type Standing, TOO_MANY_REQUESTS } from './standing.ts';
import { type ReportPage, type ReportQuery, readReport } from './usage-report.ts';
import { storable } from './usage-row.ts';
import { UsageStore } from './usage-store.ts';
import { randomBytes } from 'node:crypto';

export interface UsageSettings {
  /** Milliseconds. */
  readonly retention: number;
  readonly on_full: OnFull;
  /** Bytes. */
  readonly journal_size: number;
}

export interface UsageOptions {
  /** Migrated. */
  readonly database: Database;
  readonly clock: Clock;
  /** The folder of the journals; created with the first write. */
  readonly folder: string;
  readonly settings: UsageSettings;
  readonly log: UsageLog;
  readonly degraded: (reason: string, on: boolean) => void;
  readonly onJournalBytes: (bytes: number) => void;
}

const FLUSH_MS = 3000;
const ADOPT_FIRST_MS = 1000;
const ADOPT_MS = 30_000;
const PRUNE_MS = 10 * 60_000;
const WATCH_MS = 1000;
/** A caller who asks does not wait longer for a database that is down. */
const READ_MS = 1500;
/** Counts per statement. */
const FLUSH_BATCH = 1000;

/**
 * Records use: counts of all requests by the minute, and an exact record of each request to a model or against a
 * budget. The exact part is loaded when there is something to record.
 */
export class Usage {
  private readonly pending = new PendingAmounts();
  private readonly options: UsageOptions;
  private readonly store: UsageStore;
  private readonly tally = new MinuteTally();
  private readonly instance = randomBytes(8).toString('hex');
  private readonly timers: NodeJS.Timeout[];
  private settings: UsageSettings;
  private ledger: Ledger | undefined;
  private loading: Promise<Ledger> | undefined;
  private flushing: Promise<void> | undefined;
  private isFull = false;

  constructor(options: UsageOptions) {
    this.options = options;
    this.settings = options.settings;
    this.store = new UsageStore(options.database);
    options.onJournalBytes(0);
    this.timers = [
      setInterval(() => void this.flush(), FLUSH_MS),
      setTimeout(() => void this.adopt(), ADOPT_FIRST_MS),
      setInterval(() => void this.adopt(), ADOPT_MS),
      setInterval(() => void this.prune().catch(ignore), PRUNE_MS),
      setInterval(() => this.watch(), WATCH_MS),
    ];
    for (const timer of this.timers) timer.unref();
  }

  configure(settings: UsageSettings): void {
    this.settings = settings;
  }

  /**
   * Puts an exchange on record, when it is of a kind that is; call it right before its upstream is called. Throws, or
   * rejects with, OVERLOADED when it cannot be. A promise only while the first exchange waits for the journal to load.
   */
  open(exchange: Exchange): Promise<void> | undefined {
    if (!exchange.model && !exchange.charge) return undefined;
    if (!this.ledger) return this.load().then(({ recorder }) => recorder.open(exchange));
    this.ledger.recorder.open(exchange);
    return undefined;
  }

  /** Counts a settled exchange. Refusals of unauthenticated requests do not count. */
  count(exchange: Exchange): void {
    const { principal, plan, rejection, route, recordId } = exchange;
    if (!route || (!principal && (rejection || !plan))) return;
    const status = statusSeen(exchange);
    const isCounted = status !== TOO_MANY_REQUESTS && route.service !== OWN_SERVICE;
    const consumer = principal ? storable(principal.consumer.id) : '';
    const { name, service } = route;
    const isRecorded = recordId !== undefined;
    this.tally.add({ consumer, service, route: name, status, isRecorded, isCounted }, this.options.clock.now());
  }

  /** The use of a consumer over all processes. Never rejects, and answers within about 1.5 s. */
  async standingOf(consumer: string): Promise<Standing> {
    const name = storable(consumer);
    const now = this.options.clock.now();
    const { reader } = this.options.database;
    const { instance, tally } = this;
    try {
      const reading = Promise.all([
        readRequests(reader, { instance, tally }, name, now),
        readAmounts(reader, this.pending, name, now),
      ]);
      const [requests, amounts] = await withDeadline(reading, READ_MS);
      return { requests, ...amounts };
    } catch {
      // The feed of identity changes reports a database that is down.
      const second = Math.floor(now / 1000);
      const requests = {
        lastMinute: tally.countSince(name, second - 59),
        lastHour: tally.countSince(name, second - 3599),
      };
      return { requests, today: undefined, month: undefined };
    }
  }

  /** Sums over consumers, services, models and days. Rejects when the database does not answer. */
  report(query: ReportQuery): Promise<ReportPage> {
    return readReport(this.options.database.reader, query);
  }

  /** Writes the counts. Never rejects: counts that cannot be written are kept for the next attempt. */
  flush(): Promise<void> {
    this.flushing ??= this.flushTally().finally(() => {
      this.flushing = undefined;
    });
    return this.flushing;
  }

  /** Removes records older than the retention time. */
  prune(): Promise<void> {
    return this.store.prune(this.options.clock.now() - this.settings.retention);
  }

  /** Writes the remaining records of ended exchanges. The caller closes the database. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.flushing;
    await Promise.all([this.flush(), this.loading?.then((ledger) => ledger.close())]);
  }

  private load(): Promise<Ledger> {
    this.loading ??= import('./ledger.ts').then(({ Ledger: Loaded }) => {
      const { folder, clock, log, degraded } = this.options;
      const { store, pending } = this;
      const mostBytes = () => this.settings.journal_size;
      const onFull = () => this.settings.on_full;
      this.ledger = new Loaded({ folder, clock, store, pending, log, degraded, mostBytes, onFull });
      return this.ledger;
    });
    return this.loading;
  }

  /** Looks for journals of processes that have ended: most folders have none, and then nothing is loaded. */
  private async adopt(): Promise<void> {
    const files = await readdir(this.options.folder).catch(() => []);
    if (files.length === 0) return;
    const ledger = await this.load();
    await ledger.adopt(this.options.clock.now() - this.settings.retention);
  }

  private async flushTally(): Promise<void> {
    const { counts, keep } = this.tally.take();
    try {
      for (let i = 0; i < counts.length; i += FLUSH_BATCH)
        await this.store.replaceMinutes(counts.slice(i, i + FLUSH_BATCH), this.instance);
    } catch {
      keep();
    }
    this.tally.forget(this.options.clock.now());
  }

  private watch(): void {
    const { onJournalBytes, degraded, log } = this.options;
    if (!this.ledger) return;
    const { bytes, isFull } = this.ledger.journal;
    onJournalBytes(bytes);
    if (isFull === this.isFull) return;
    this.isFull = isFull;
    degraded('usage_journal_full', isFull);
    if (isFull) log.error({ bytes, on_full: this.settings.on_full }, 'the usage journal is full');
    else log.info({ bytes }, 'the usage journal has room again');
  }
}

function ignore(): void {
  // Tried again in ten minutes.
}
