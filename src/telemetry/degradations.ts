import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

type StoreName = 'redis' | 'database';

const MEANING: Readonly<Record<StoreName, string>> = {
  redis: 'rate limits are no longer shared between processes',
  database: 'unknown keys cannot be looked up and nothing can be changed',
};

/** Everything that is degraded right now, from a closed vocabulary: the same list for `/ready`, metrics and log. */
export class Degradations {
  private readonly metrics: Metrics;
  private readonly log: Logger;
  private readonly reasons = new Set<string>();
  private readonly known = new Map<StoreName, boolean>();
  private readonly unreadable = new Set<string>();

  constructor(metrics: Metrics, log: Logger) {
    this.metrics = metrics;
    this.log = log;
  }

  /** Reports a store that came or went; one log line per change. */
  store(name: StoreName, isUp: boolean, cause: string | undefined): void {
    const reason = `${name}_down`;
    this.metrics.storeUp(name, isUp);
    this.known.set(name, isUp);
    if (isUp === !this.reasons.has(reason)) return;
    this.set(reason, !isUp);
    if (isUp) this.log.info({ store: name }, `${name} answers again`);
    else this.log.error({ store: name, cause }, `${name} does not answer: ${MEANING[name]}`);
  }

  /** Reports that the keys of a token issuer became unreadable, or readable again. */
  issuer(alias: string, isUp: boolean, cause: string | undefined): void {
    if (isUp) this.unreadable.delete(alias);
    else this.unreadable.add(alias);
    this.set('issuer_keys_unreadable', this.unreadable.size > 0);
    if (isUp) this.log.info({ issuer: alias }, 'the keys of an issuer of tokens can be read again');
    else
      this.log.error({ issuer: alias, cause }, 'the keys of an issuer of tokens cannot be read: the last ones serve');
  }

  /** Switches a reason on or off. */
  set(reason: string, on: boolean): void {
    if (on) this.reasons.add(reason);
    else this.reasons.delete(reason);
    this.metrics.degraded(reason, on);
  }

  /** The stores in use, and whether each of them answers. */
  stores(): ReadonlyMap<StoreName, boolean> {
    return this.known;
  }

  /** Sorted; empty when all is well. */
  list(): readonly string[] {
    return [...this.reasons].sort();
  }
}
