import { type Static, Type } from '../lib/schema-builder.ts';
import type { HealthView } from '../upstream/health.ts';
import type { Target } from '../upstream/targets.ts';
import type { ApiContext, ObservedService } from './context.ts';
import { InstantText, instantText } from './endpoint.ts';

const TargetView = Type.Object({
  target: Type.String({ description: 'Host and port, as in metrics.' }),
  url: Type.String(),
  weight: Type.Number(),
  available: Type.Boolean({ description: 'Is offered requests: healthy, and its breaker admits.' }),
  healthy: Type.Boolean(),
  checked_at: Type.Optional(InstantText('When it was last probed.')),
  breaker: Type.Optional(
    Type.Object({
      state: Type.Enum(['closed', 'half_open', 'open']),
      requests: Type.Number({ description: 'Finished calls in the window.' }),
      failures: Type.Number(),
      admits_again_in_ms: Type.Number({ description: '0 unless it is open.' }),
    }),
  ),
  resting: Type.Optional(
    Type.Array(
      Type.Object({
        model: Type.Optional(Type.String({ description: 'Absent where the whole target rests.' })),
        ends_in_ms: Type.Number(),
      }),
      { description: 'What the target has asked to be left alone with, the first 20; absent when nothing rests.' },
    ),
  ),
  in_flight: Type.Number({ description: 'Requests running now, streams included.' }),
  latency_ms: Type.Number({ description: 'Moving average until response headers; 0 before the first answer.' }),
});

export const ServiceView = Type.Object({
  service: Type.String(),
  kind: Type.Enum(['http', 'llm', 'embeddings']),
  targets: Type.Array(TargetView),
});

type BreakerViews = ReturnType<ApiContext['deps']['breakers']['views']>;

/** Every service with its targets as they are at this moment. */
export function serviceViews(context: ApiContext): Static<typeof ServiceView>[] {
  const breakers = context.deps.breakers.views();
  return [...context.gateway().services.values()].map((service) => serviceView(service, breakers));
}

function serviceView(service: ObservedService, breakers: BreakerViews): Static<typeof ServiceView> {
  const probed = new Map(service.prober?.views().map((view) => [view.target, view]));
  const own = breakers.filter((breaker) => breaker.service === service.service);
  return {
    service: service.service,
    kind: service.kind,
    targets: service.targets.map((target) => ({
      ...targetView(target),
      ...restingView(target),
      ...checkedAt(probed.get(target.name)),
      ...breakerView(own.find((breaker) => breaker.target === target.name)),
    })),
  };
}

function targetView(target: Target): Static<typeof TargetView> {
  return {
    target: target.name,
    url: target.origin + target.basePath,
    weight: target.weight,
    available: target.isAvailable,
    healthy: target.isHealthy,
    in_flight: target.inFlight,
    latency_ms: Math.round(target.latency.ms * 10) / 10,
  };
}

/** Names of models can come from clients. */
const MOST_RESTS_SHOWN = 20;

function restingView({ rests }: Target): Pick<Static<typeof TargetView>, 'resting'> {
  const views = rests.views(performance.now()).slice(0, MOST_RESTS_SHOWN);
  if (views.length === 0) return {};
  return {
    resting: views.map(({ model, endsInMs }) => ({
      ...(model !== undefined && { model }),
      ends_in_ms: Math.ceil(endsInMs),
    })),
  };
}

function checkedAt(view: HealthView | undefined): { checked_at?: string } {
  return view && view.checkedAt > 0 ? { checked_at: instantText(view.checkedAt) } : {};
}

function breakerView(view: BreakerViews[number] | undefined): Pick<Static<typeof TargetView>, 'breaker'> {
  if (!view) return {};
  const { state, requests, failures, admitsAgainInMs } = view;
  return { breaker: { state, requests, failures, admits_again_in_ms: Math.ceil(admitsAgainInMs) } };
}
