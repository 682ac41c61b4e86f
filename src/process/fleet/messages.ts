/** What the processes of one gateway ask each other: plain data, copied. */

import type { CounterCall } from '../../counters/counter-calls.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Ending } from '../shutdown.ts';

/** How the metrics are wanted. */
export type ScrapeWish = Parameters<Metrics['render']>;

export type Exposition = Awaited<ReturnType<Metrics['render']>>;

/** Sent by a worker when it accepts requests. */
export interface WorkerFacts {
  readonly url: string;
  /** Address of the database without its password. */
  readonly database: string;
}

export type WorkerQuestion =
  | { readonly kind: 'ready'; readonly facts: WorkerFacts }
  /** The metrics of all workers in one. */
  | { readonly kind: 'metrics'; readonly wish: ScrapeWish }
  /** What the limits of a worker have counted by the primary, in one turn of its event loop. */
  | { readonly kind: 'counters'; readonly calls: readonly CounterCall[] }
  /** This worker has loaded the configuration anew: the others are to follow. */
  | { readonly kind: 'reloaded' };

export type PrimaryQuestion =
  /** The metrics of this worker alone. */
  | { readonly kind: 'metrics'; readonly wish: ScrapeWish }
  /** To the first, which puts it on record; the others follow when it has succeeded. Answered with whether it has. */
  | { readonly kind: 'reload'; readonly isFirst: boolean }
  /** Answered when everything has ended, with the metrics as they are then. */
  | { readonly kind: 'stop'; readonly ending: Ending; readonly wishes: readonly ScrapeWish[] };
