import { Type } from '../lib/schema-builder.ts';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Settings } from '../config/settings-schema.ts';
import { type Access, defineEndpoint } from './endpoint.ts';

/** A development gateway hides nothing from its user. */
function accessFor(written: Settings['admin']['metrics_access'], isDevelopment: boolean): Access {
  if (written === 'master_key') return 'master_key';
  return written === 'open' || isDevelopment ? 'none' : 'local';
}

export const metricsEndpoint = defineEndpoint({
  method: 'GET',
  path: '/metrics',
  planes: ['admin', 'metrics'],
  auth: ({ admin }, { isDevelopment }) => accessFor(admin.metrics_access, isDevelopment),
  summary: 'Prometheus metrics as text, or as OpenMetrics when `Accept` asks for it.',
  contentType: 'text/plain',
  response: Type.String({ description: 'The exposition.' }),
  handle: async ({ context, config, exchange }) => {
    if (!config.settings.metrics.enabled)
      throw new GatewayError(new Rejection('NOT_FOUND', 'Metrics are switched off.'));
    const accept = exchange.edge.headers.get('accept');
    const { contentType, body } = await context.renderMetrics(accept, config.settings.metrics.compat);
    return { status: 200, contentType, text: body };
  },
});
