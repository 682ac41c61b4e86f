import type { KeyDirectory } from './identity/key-directory.ts';
import type { FailedAuth } from './identity/failed-auth.ts';
import type { Clock } from './lib/clock.ts';
import type { Shelf } from './lib/shelf.ts';
import type { BreakerBank } from './policies/circuit-breaker/breaker-bank.ts';
import type { CounterStore } from './policies/limits/counter-store.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** What policies are built with. Opened once per process, closed in reverse; never replaced by a reload. */
export interface Dependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** State that outlives a reload. */
  readonly shelf: Shelf;
  readonly breakers: BreakerBank;
  readonly counters: CounterStore;
  readonly directory: KeyDirectory;
  readonly failedAuth: FailedAuth;
}
