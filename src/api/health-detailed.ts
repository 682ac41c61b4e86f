import { setImmediate as nextTurn } from 'node:timers/promises';
import { Type } from '../lib/schema-builder.ts';
import { defineEndpoint, InstantText, instantText } from './endpoint.ts';
import { ServiceView, serviceViews } from './service-view.ts';

const EventLoop = Type.Object({
  delay_ms: Type.Number({ description: 'How long one turn of the event loop took just now.' }),
  utilization: Type.Number({ description: 'Share of its time the event loop was busy since the start, 0 to 1.' }),
});

/** For people: what every part is doing at this moment. Machines watch `/ready` and `/metrics`. */
export const detailedHealthEndpoint = defineEndpoint({
  method: 'GET',
  path: '/api/v1/health/detailed',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Shows stores, services, targets, breakers and the process itself.',
  response: Type.Object({
    status: Type.Enum(['healthy', 'degraded', 'draining']),
    degraded: Type.Array(Type.String(), { description: 'What works less well than it should.' }),
    version: Type.String(),
    started_at: InstantText('When the process started.'),
    uptime_seconds: Type.Number(),
    running_requests: Type.Number(),
    memory_bytes: Type.Number({ description: 'Resident memory of the process.' }),
    event_loop: EventLoop,
    config: Type.Object({ hash: Type.String(), loaded_at: InstantText('When it went live.') }),
    stores: Type.Record(Type.String(), Type.Enum(['up', 'down']), { description: 'The stores in use.' }),
    services: Type.Array(ServiceView),
  }),
  handle: async ({ context, config }) => {
    const degraded = [...context.degraded()];
    const { isDraining, running } = context.gateway();
    const stores = [...context.stores()].map(([name, isUp]) => [name, isUp ? 'up' : 'down'] as const);
    return {
      status: 200,
      json: {
        status: statusOf(isDraining, degraded),
        degraded,
        version: context.version,
        started_at: instantText(context.startedAt),
        uptime_seconds: Math.round((context.deps.clock.now() - context.startedAt) / 1000),
        running_requests: running.size,
        memory_bytes: process.memoryUsage.rss(),
        event_loop: await measureEventLoop(),
        config: { hash: config.hash, loaded_at: instantText(context.configLoadedAt()) },
        stores: Object.fromEntries(stores),
        services: serviceViews(context),
      },
    };
  },
});

function statusOf(isDraining: boolean, degraded: readonly string[]): 'healthy' | 'degraded' | 'draining' {
  if (isDraining) return 'draining';
  return degraded.length > 0 ? 'degraded' : 'healthy';
}

async function measureEventLoop(): Promise<{ delay_ms: number; utilization: number }> {
  const start = performance.now();
  await nextTurn();
  const { utilization } = performance.eventLoopUtilization();
  return { delay_ms: roundTo(performance.now() - start, 100), utilization: roundTo(utilization, 1000) };
}

function roundTo(value: number, scale: number): number {
  return Math.round(value * scale) / scale;
}
