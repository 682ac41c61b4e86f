import type { RedisGuard } from '../storage/redis-guard.ts';
import { ADJUST, pushCorrection } from './lua/adjust.lua.ts';
import type { Correction } from './counter-store.ts';

interface CorrectionsOptions {
  readonly guard: Pick<RedisGuard, 'isUp' | 'run'>;
  readonly prefix: string;
  /** Keys of one group can be written by one script. */
  readonly groupOf: (key: string) => string;
  /** Microseconds, 0 = the store's clock. */
  readonly storeNowUs: () => number;
}

const MOST_PER_SCRIPT = 64;
/** Beyond this the store is too slow. Corrections are dropped, which only makes limits tighter for a while. */
const MOST_WAITING = 10_000;

/** Additions to and deductions from counts: collected for a turn of the event loop, then sent without an answer. */
export class Corrections {
  private readonly options: CorrectionsOptions;
  private waiting: Correction[] = [];
  private sending: Promise<void> = Promise.resolve();

  constructor(options: CorrectionsOptions) {
    this.options = options;
  }

  add(corrections: readonly Correction[]): void {
    if (corrections.length === 0 || this.waiting.length >= MOST_WAITING) return;
    if (this.waiting.length === 0) setImmediate(() => void this.send());
    this.waiting.push(...corrections);
  }

  /** Sends waiting corrections, and resolves when Redis has accepted them or does not answer. */
  async send(): Promise<void> {
    const groups = Map.groupBy(this.waiting, ({ key }) => this.options.groupOf(key));
    this.waiting = [];
    const runs: Promise<unknown>[] = [this.sending];
    for (const group of groups.values())
      for (let i = 0; i < group.length; i += MOST_PER_SCRIPT) runs.push(this.run(group.slice(i, i + MOST_PER_SCRIPT)));
    // Without the result: an array that holds the one before it would keep every correction ever sent.
    await (this.sending = Promise.all(runs).then(() => undefined));
  }

  /** Never rejects: the guard has reported the failure, and units not returned leave the window in time. */
  private async run(corrections: readonly Correction[]): Promise<void> {
    const { guard, prefix, storeNowUs } = this.options;
    if (!guard.isUp) return;
    const args: (string | number)[] = [storeNowUs()];
    for (const correction of corrections) pushCorrection(args, correction);
    try {
      await guard.run(
        ADJUST,
        corrections.map(({ key }) => prefix + key),
        args,
      );
    } catch {
      return;
    }
  }
}
