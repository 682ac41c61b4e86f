import { Type } from '../lib/schema-builder.ts';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import { defineEndpoint } from './endpoint.ts';

export const metricsEndpoint = defineEndpoint({
  method: 'GET',
  path: '/metrics',
  planes: ['admin', 'metrics'],
  auth: ({ admin }) => (admin.metrics_access === 'open' ? 'none' : 'master_key'),
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
