import { generateKeyEndpoint } from './admin/generate-key.ts';
import type { Endpoint } from './endpoint.ts';
import { healthEndpoint } from './health.ts';
import { metricsEndpoint } from './metrics.ts';
import { readyEndpoint } from './ready.ts';
import { rootEndpoint } from './root.ts';

/** Everything the gateway itself answers. */
export const ENDPOINTS: readonly Endpoint[] = [
  rootEndpoint,
  healthEndpoint,
  readyEndpoint,
  metricsEndpoint,
  generateKeyEndpoint,
];
