import { type Static, Type } from '../lib/schema-builder.ts';
import type { ObservedGateway, ObservedService } from './context.ts';
import { defineEndpoint } from './endpoint.ts';

const InferenceService = Type.Object(
  {
    status: Type.String({
      description: '`unavailable` when down, `unknown` before it has said anything about itself.',
    }),
    model: Type.Optional(Type.String()),
    device: Type.Optional(Type.String()),
    queue_size: Type.Optional(Type.Number()),
    inflight_batches: Type.Optional(Type.Number()),
  },
  { description: 'The first service of kind `embeddings`, as it last described itself; absent when there is none.' },
);

/** Liveness: answers from memory, whatever stores and upstreams do. */
export const healthEndpoint = defineEndpoint({
  method: 'GET',
  path: '/health',
  aliases: ['/api/v1/health'],
  planes: ['public', 'admin'],
  auth: 'none',
  summary: 'Says that the process lives.',
  response: Type.Object({
    status: Type.Literal('healthy'),
    gateway_version: Type.String(),
    inference_service: Type.Optional(InferenceService),
  }),
  handle: ({ context }) => {
    const inference = findInference(context.gateway());
    const json = { status: 'healthy' as const, gateway_version: context.version };
    return { status: 200, json: inference ? { ...json, inference_service: describe(inference) } : json };
  },
});

function findInference({ services }: ObservedGateway): ObservedService | undefined {
  for (const service of services.values()) if (service.kind === 'embeddings') return service;
  return undefined;
}

function describe({ targets, prober }: ObservedService): Static<typeof InferenceService> {
  if (!targets.some((target) => target.isAvailable || target.isOpenBeside(undefined))) return { status: 'unavailable' };
  const view = prober?.views().find(({ healthy, report }) => healthy && report);
  return view?.report ? { status: 'healthy', ...view.report } : { status: 'unknown' };
}
