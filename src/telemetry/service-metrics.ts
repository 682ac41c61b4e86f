import type { ErrorCode } from '../errors/catalog.ts';

export type CircuitState = 'closed' | 'half_open' | 'open';

/**
 * What may be counted about one service. Durations are seconds. Every argument comes from a closed vocabulary of the
 * gateway or its configuration, never from a request, so that no client can invent a time series.
 */
export interface ServiceMetrics {
  request(method: string, status: number, seconds: number): void;
  overhead(seconds: number): void;
  upstream(target: string, seconds: number): void;
  error(code: ErrorCode): void;
  rateLimited(limit: string): void;
  retry(reason: string): void;
  circuitState(target: string, state: CircuitState): void;
  targetHealthy(target: string, healthy: boolean): void;
  inFlight(delta: 1 | -1): void;
  streams(delta: 1 | -1): void;
}
