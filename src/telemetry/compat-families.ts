import { COMPAT_METRICS, type MetricDeclaration } from './declarations.ts';
import { familyText, label } from './exposition.ts';
import type { ModelSeries } from './model-metrics.ts';
import { Histogram, Tally } from './series.ts';
import type { ServiceSeries } from './service-metrics.ts';

/** Metric names of gateways that this one can replace. */
export type CompatNames = keyof typeof COMPAT_METRICS;

/** A consumer more than these is counted as `other`: people come and go, and each is a time series for good. */
const MOST_USERS = 1_000;

/** Requests over a rate limit, by consumer. */
export class LimitHits {
  private readonly users = new Tally<string>();

  add(user: string): void {
    this.users.add(this.users.size < MOST_USERS || this.users.has(user) ? user : 'other');
  }

  lines(name: string): string[] {
    return this.users.lines(name, (user) => label('user_id', user));
  }
}

interface Sources {
  readonly models: Iterable<ModelSeries>;
  readonly services: Iterable<ServiceSeries>;
  readonly limitHits: LimitHits;
}

/** The families of these names, made at the scrape of what is counted anyway. */
export function compatFamilies(names: readonly CompatNames[], sources: Sources, isOpenMetrics: boolean): string[] {
  return names.flatMap((name) => {
    const lines: Record<string, readonly string[]> = name === 'ai_gateway' ? modelLines(sources) : apiLines(sources);
    const families: [string, MetricDeclaration][] = Object.entries(COMPAT_METRICS[name]);
    return families.map(([key, family]) => familyText(family, lines[key] ?? [], isOpenMetrics));
  });
}

function modelLines({ models, limitHits }: Sources): Record<keyof typeof COMPAT_METRICS.ai_gateway, readonly string[]> {
  const { requests, duration, limitHits: hits, tokens } = COMPAT_METRICS.ai_gateway;
  const all = [...models];
  return {
    requests: all.flatMap((model) =>
      model.outcomes.lines(requests.name, (status) => `${model.label},${label('status', status)}`),
    ),
    duration: all.flatMap((model) => model.latency.lines(duration.name, model.label)),
    limitHits: limitHits.lines(hits.name),
    tokens: all.map((model) => `${tokens.name}{${model.label}} ${model.tokens}`),
  };
}

function apiLines({ services }: Sources): Record<keyof typeof COMPAT_METRICS.api, readonly string[]> {
  const { requests, duration } = COMPAT_METRICS.api;
  const whole = new Histogram(duration.buckets);
  for (const { latency } of services) if (latency) whole.merge(latency);
  return {
    requests: [`${requests.name} ${whole.count}`],
    duration: whole.lines(duration.name, ''),
  };
}
