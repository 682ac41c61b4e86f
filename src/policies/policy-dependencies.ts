import type { CounterStore } from '../counters/counter-store.ts';
import type { FailedAuth } from '../identity/failed-auth.ts';
import type { KeyDirectory } from '../identity/key-directory.ts';
import type { Tokens } from '../identity/tokens/tokens.ts';
import type { Clock } from '../lib/clock.ts';
import type { Turns } from '../lib/turns.ts';
import type { Keeper } from '../lib/shelf.ts';
import type { IdempotencyStore } from '../storage/idempotency/idempotency-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Usage } from '../usage/usage.ts';
import type { BreakerBank } from './circuit-breaker/breaker-bank.ts';

/** Opened once per process by `process/open-dependencies.ts`; a reload does not replace it. */
export interface ProcessDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** How this process signs its `Via` entries: unique, so that a request that meets it again has gone in a circle. */
  readonly viaPseudonym: string;
  readonly breakers: BreakerBank;
  readonly counters: CounterStore;
  readonly directory: KeyDirectory;
  readonly tokens: Tokens;
  readonly failedAuth: FailedAuth;
  readonly usage: Usage;
  /** Where long computations take turns. */
  readonly turns: Turns;
  /** Percent of what callers share that one of them may hold. */
  readonly callerShare: number;
  /** Opened by the first call: a gateway without `idempotency` never connects it. */
  readonly idempotency: () => Promise<IdempotencyStore>;
}

/** What policies are built with. */
export interface Dependencies extends ProcessDependencies {
  /** State that outlives a reload. */
  readonly shelf: Keeper;
}
