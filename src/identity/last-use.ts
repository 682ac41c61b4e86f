import type { Knex } from 'knex';
import type { Clock } from '../lib/clock.ts';

const INTERVAL_MS = 60_000;
const BATCH = 500;

/** Keeps when keys were last used, to the minute: one write for all keys of a minute instead of one per request. */
export class LastUse {
  /** Grows with each minute; a key compares its own number with it to count itself once. */
  round = 1;
  private readonly knex: Knex;
  private readonly clock: Clock;
  private readonly timer: NodeJS.Timeout;
  private used = new Set<string>();

  constructor(knex: Knex, clock: Clock) {
    this.knex = knex;
    this.clock = clock;
    this.timer = setInterval(() => void this.flush(), INTERVAL_MS).unref();
  }

  add(keyId: string): void {
    this.used.add(keyId);
  }

  /** Writes what was collected; what cannot be written is dropped, because it only informs. Never rejects. */
  async flush(): Promise<void> {
    const ids = [...this.used];
    const now = this.clock.now();
    this.used = new Set();
    this.round += 1;
    try {
      for (let i = 0; i < ids.length; i += BATCH) {
        await this.knex('api_keys')
          .whereIn('id', ids.slice(i, i + BATCH))
          .update({ last_used_at: now });
      }
    } catch {
      // The feed reports a store that is down.
    }
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }
}
