import type { Clock } from '../lib/clock.ts';
import type { ChangeNotifier } from './change-notifier.ts';
import type { ChangeReader, IdentityChange } from './identity-changes.ts';
import { withDeadline } from '../lib/with-deadline.ts';

interface ChangeFeedOptions {
  readonly reader: ChangeReader;
  readonly clock: Clock;
  readonly onChanges: (changes: readonly IdentityChange[] | 'everything') => void;
  /** Called after every read with whether it succeeded. */
  readonly onRead: (isStoreUp: boolean) => void;
  readonly notifier?: ChangeNotifier | undefined;
}

const INTERVAL_MS = 1000;
const READ_DEADLINE_MS = 2000;
/** How long an administrator's answer may wait for this process to have noticed the change itself. */
const ANNOUNCE_DEADLINE_MS = 500;

/**
 * Follows the identity changes of all processes: one read every second, and at once when somebody says so. So a
 * revocation is in force everywhere within 2 s without any notifier, and within milliseconds with one.
 */
export class ChangeFeed {
  private readonly options: ChangeFeedOptions;
  private readonly timer: NodeJS.Timeout;
  private running: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private lastReadAt: number;
  private readonly followers: ((changes: readonly IdentityChange[] | 'everything') => void)[] = [];

  constructor(options: ChangeFeedOptions) {
    this.options = options;
    this.lastReadAt = options.clock.monotonic();
    this.timer = setInterval(() => this.poll(), INTERVAL_MS).unref();
    options.notifier?.subscribe(() => void this.hasten());
  }

  /** Milliseconds since the feed was last read to its end. */
  get ageMs(): number {
    return this.options.clock.monotonic() - this.lastReadAt;
  }

  /** Resolves after a read that began after this call; never rejects. Calls meanwhile share one read. */
  hasten(): Promise<void> {
    if (!this.running) return this.begin();
    this.next ??= this.running.then(() => {
      this.next = undefined;
      return this.begin();
    });
    return this.next;
  }

  /** Call after a committed change: notifies other processes, and resolves when this process has seen the change. */
  async announce(): Promise<void> {
    this.options.notifier?.publish();
    await withDeadline(this.hasten(), ANNOUNCE_DEADLINE_MS).catch(() => undefined);
  }

  /** The listener is called for every change, after the directories have dropped the entries concerned. */
  follow(listener: (changes: readonly IdentityChange[] | 'everything') => void): void {
    this.followers.push(listener);
  }

  /** Ends the polling, and waits for the read that runs. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private poll(): void {
    // A slow store must not collect a queue of reads.
    if (!this.running) void this.begin();
  }

  private begin(): Promise<void> {
    const run = this.read().finally(() => {
      if (this.running === run) this.running = undefined;
    });
    this.running = run;
    return run;
  }

  private async read(): Promise<void> {
    const startedAt = this.options.clock.monotonic();
    let isUp = true;
    try {
      // Applied even when it comes too late: the reader has moved on and will not report these changes again.
      await withDeadline(this.readAndApply(), READ_DEADLINE_MS);
      this.lastReadAt = startedAt;
    } catch {
      isUp = false;
    }
    this.options.onRead(isUp);
  }

  private async readAndApply(): Promise<void> {
    const changes = await this.options.reader.read();
    if (changes !== 'everything' && changes.length === 0) return;
    this.options.onChanges(changes);
    for (const follow of this.followers) follow(changes);
  }
}
