import { createBoundedCache } from '../lib/bounded-cache.ts';
import type { Clock } from '../lib/clock.ts';
import { ipGroup } from '../lib/ip-group.ts';

export interface FailedAuthSettings {
  /** Failing credentials per window and client address. */
  readonly limit: number;
  /** Milliseconds. */
  readonly window: number;
}

/** The endpoint at which authentication failed. */
export type Door = 'api_key' | 'token' | 'master_key' | 'refresh' | 'login' | 'sign_up';

interface Offender {
  failures: number;
  /** Monotonic milliseconds. */
  windowEnd: number;
  running: number;
  readonly queue: Queued[];
}

interface Queued {
  readonly giveUpAt: number;
  readonly start: (isInTime: boolean) => void;
}

const MOST_ADDRESSES = 50_000;
const SLOTS = 4;
const LONGEST_QUEUE = 64;
const LONGEST_WAIT_MS = 2000;

/**
 * Counts failing credentials per client address (IPv6 by /64), so that guessing keys costs the guesser and not the
 * store. It never blocks a valid credential. Memory is bounded: the 50,000 addresses that failed
 * last. Counts are per process.
 */
export class FailedAuth {
  private settings: FailedAuthSettings;
  private readonly clock: Clock;
  private readonly offenders = createBoundedCache<string, Offender>(MOST_ADDRESSES);
  private readonly onFailure: (door: Door) => void;

  /** `onFailure` hears of each failure, also of those past the limit; for metrics. */
  constructor(settings: FailedAuthSettings, clock: Clock, onFailure: (door: Door) => void = () => undefined) {
    this.settings = settings;
    this.clock = clock;
    this.onFailure = onFailure;
  }

  /** Takes effect at the next failure; windows that run keep their end. */
  configure(settings: FailedAuthSettings): void {
    this.settings = settings;
  }

  /** Counts one failure. Past the limit: milliseconds until the address is heard again; until then `undefined`. */
  recordFailure(address: string, door: Door): number | undefined {
    this.onFailure(door);
    const now = this.clock.monotonic();
    const offender = this.touch(ipGroup(address), now);
    if (offender.failures >= this.settings.limit) return offender.windowEnd - now;
    offender.failures += 1;
    return undefined;
  }

  isOver(address: string): boolean {
    const offender = this.offenders.get(ipGroup(address));
    return offender !== undefined && this.isOffending(offender);
  }

  /**
   * Runs the work at once, or, for an address past its limit, in one of its four slots. `undefined` when too many of its
   * lookups wait already, or after 2 s of waiting.
   */
  runThrottled<T>(address: string, work: () => Promise<T>): Promise<T | undefined> {
    const offender = this.offenders.get(ipGroup(address));
    if (!offender || !this.isOffending(offender)) return work();
    return this.runInSlot(offender, work);
  }

  private async runInSlot<T>(offender: Offender, work: () => Promise<T>): Promise<T | undefined> {
    if (offender.running >= SLOTS) {
      if (offender.queue.length >= LONGEST_QUEUE) return undefined;
      const giveUpAt = this.clock.monotonic() + LONGEST_WAIT_MS;
      // A slot that becomes free is handed over, so `running` does not change.
      const isInTime = await new Promise<boolean>((start) => offender.queue.push({ giveUpAt, start }));
      if (!isInTime) return undefined;
    } else {
      offender.running += 1;
    }
    try {
      return await work();
    } finally {
      this.handOver(offender);
    }
  }

  private handOver(offender: Offender): void {
    const now = this.clock.monotonic();
    for (let next = offender.queue.shift(); next; next = offender.queue.shift()) {
      const isInTime = now < next.giveUpAt;
      next.start(isInTime);
      if (isInTime) return;
    }
    offender.running -= 1;
  }

  private isOffending(offender: Offender): boolean {
    return offender.failures >= this.settings.limit && this.clock.monotonic() < offender.windowEnd;
  }

  private touch(group: string, now: number): Offender {
    let offender = this.offenders.get(group);
    if (!offender) {
      offender = { failures: 0, windowEnd: now + this.settings.window, running: 0, queue: [] };
      this.offenders.set(group, offender);
    }
    if (now >= offender.windowEnd) {
      offender.failures = 0;
      offender.windowEnd = now + this.settings.window;
    }
    return offender;
  }
}
