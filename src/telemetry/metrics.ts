import type { ServiceMetrics } from './service-metrics.ts';

export type { CircuitState, ServiceMetrics } from './service-metrics.ts';

/** The time series of one gateway. Two gateways in one process share none. */
export interface Metrics {
  /** The same object for the same name until the service is forgotten; cheap to look up, cheaper to keep. */
  service(name: string): ServiceMetrics;
  storeUp(store: 'redis' | 'database', up: boolean): void;
  degraded(reason: string, on: boolean): void;
  configReload(success: boolean): void;
  /** Replaces the hash reported before. */
  configInfo(hash: string): void;
  /** Drops the series of services and targets that are not named: called after a reload. */
  retain(targetsByService: ReadonlyMap<string, readonly string[]>): void;
  /** The exposition: Prometheus text, or OpenMetrics when the `Accept` header asks for it. */
  render(accept?: string): Promise<{ contentType: string; body: string }>;
}
