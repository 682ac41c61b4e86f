import type { Metric, OpenMetricsContentType, Registry } from 'prom-client';
import { type CompatNames, compatFamilies, LimitHits } from './compat-families.ts';
import { GATEWAY_METRICS, MODEL_METRICS, SERVICE_METRICS } from './declarations.ts';
import { familyText, label } from './exposition.ts';
import { type ModelMetrics, ModelSeries } from './model-metrics.ts';
import { Tally } from './series.ts';
import { type ServiceMetrics, ServiceSeries } from './service-metrics.ts';

export type { ServiceMetrics } from './service-metrics.ts';

/** The time series of one gateway. Two gateways in one process share none. */
export interface Metrics {
  /** The same object for the same name until the service is forgotten; cheap to look up, cheaper to keep. */
  service(name: string): ServiceMetrics;
  /** The same for a model; `other` for those that are not listed in the configuration. */
  model(name: string): ModelMetrics;
  /** A rate limit refused a request of this consumer. */
  limitHit(consumer: string): void;
  storeUp(store: 'redis' | 'database', up: boolean): void;
  degraded(reason: string, on: boolean): void;
  configReload(success: boolean): void;
  /** Replaces the hash reported before. */
  configInfo(hash: string): void;
  /** Bytes on disk. */
  usageJournal(bytes: number): void;
  /** An unexpected error was caught; `place` comes from a closed vocabulary. */
  escaped(place: string): void;
  /** Somebody failed to prove who they are; `door` is a word of a closed vocabulary. */
  credentialFailed(door: string): void;
  /** Drops the series of services and targets that are not named: called after a reload. */
  retain(targetsByService: ReadonlyMap<string, readonly string[]>): void;
  /** The exposition: Prometheus text, or OpenMetrics when the `Accept` header asks for it. `compat`: further names. */
  render(accept?: string, compat?: readonly CompatNames[]): Promise<{ contentType: string; body: string }>;
}

/** Labels of requests that belong to no configured service: the gateway's own endpoints, and what matched nothing. */
const OWN_LABELS: ReadonlySet<string> = new Set(['gateway', 'none']);

/** Starts empty; the metrics of the process itself (CPU, memory, event loop, garbage collection) come with it. */
export function createMetrics(): Metrics {
  return new GatewayMetrics();
}

class GatewayMetrics implements Metrics {
  private readonly services = new Map<string, ServiceSeries>();
  private readonly models = new Map<string, ModelSeries>();
  private readonly limitHits = new LimitHits();
  private readonly stores = new Tally<string>();
  private readonly reasons = new Tally<string>();
  private reloaded: 0 | 1 | undefined;
  private readonly info = new Tally<string>();
  private journalBytes: number | undefined;
  private readonly escapes = new Tally<string>();
  private readonly failures = new Tally<string>();
  private readonly process = openProcessRegistries();

  service(name: string): ServiceMetrics {
    const known = this.services.get(name);
    if (known) return known;
    const series = new ServiceSeries(name);
    this.services.set(name, series);
    return series;
  }

  model(name: string): ModelMetrics {
    const known = this.models.get(name);
    if (known) return known;
    const series = new ModelSeries(name);
    this.models.set(name, series);
    return series;
  }

  limitHit(consumer: string): void {
    this.limitHits.add(consumer);
  }

  storeUp(store: 'redis' | 'database', up: boolean): void {
    this.stores.set(store, up ? 1 : 0);
  }

  degraded(reason: string, on: boolean): void {
    this.reasons.set(reason, on ? 1 : 0);
  }

  configReload(success: boolean): void {
    this.reloaded = success ? 1 : 0;
  }

  configInfo(hash: string): void {
    this.info.clear();
    this.info.set(hash, 1);
  }

  usageJournal(bytes: number): void {
    this.journalBytes = bytes;
  }

  escaped(place: string): void {
    this.escapes.add(place);
  }

  credentialFailed(door: string): void {
    this.failures.add(door);
  }

  retain(targetsByService: ReadonlyMap<string, readonly string[]>): void {
    for (const [name, series] of this.services) {
      const targets = targetsByService.get(name);
      if (targets) series.keepTargets(new Set(targets));
      else if (!OWN_LABELS.has(name)) this.services.delete(name);
    }
  }

  async render(accept = '', compat: readonly CompatNames[] = []): Promise<{ contentType: string; body: string }> {
    const isOpenMetrics = accept.includes('application/openmetrics-text');
    const { text, openMetrics } = await this.process;
    const registry = isOpenMetrics ? openMetrics : text;
    const sources = { models: this.models.values(), services: this.services.values(), limitHits: this.limitHits };
    const own = [
      ...this.serviceFamilies(isOpenMetrics),
      ...this.modelFamilies(isOpenMetrics),
      ...this.gatewayFamilies(isOpenMetrics),
      ...compatFamilies(compat, sources, isOpenMetrics),
    ].join('');
    return { contentType: registry.contentType, body: own + (await registry.metrics()) };
  }

  private serviceFamilies(isOpenMetrics: boolean): string[] {
    const perService = [...this.services.values()].map((series) => series.lines());
    return Object.entries(SERVICE_METRICS).map(([key, declaration]) => {
      const lines = perService.flatMap((families) => families[key as keyof typeof SERVICE_METRICS]);
      return familyText(declaration, lines, isOpenMetrics);
    });
  }

  private modelFamilies(isOpenMetrics: boolean): string[] {
    const perModel = [...this.models.values()].map((series) => series.lines());
    return (['tokens', 'tokenKinds', 'cost'] as const).map((key) => {
      const lines = perModel.flatMap((families) => families[key]);
      return familyText(MODEL_METRICS[key], lines, isOpenMetrics);
    });
  }

  private gatewayFamilies(isOpenMetrics: boolean): string[] {
    const { storeUp, degraded, configReload, configInfo, usageJournal, escapedErrors, failedCredentials } =
      GATEWAY_METRICS;
    const journal = this.journalBytes === undefined ? [] : [`${usageJournal.name} ${this.journalBytes}`];
    const reload = this.reloaded === undefined ? [] : [`${configReload.name} ${this.reloaded}`];
    return [
      familyText(
        storeUp,
        this.stores.lines(storeUp.name, (store) => label('store', store)),
        isOpenMetrics,
      ),
      familyText(
        degraded,
        this.reasons.lines(degraded.name, (reason) => label('reason', reason)),
        isOpenMetrics,
      ),
      familyText(configReload, reload, isOpenMetrics),
      familyText(usageJournal, journal, isOpenMetrics),
      familyText(
        escapedErrors,
        this.escapes.lines(escapedErrors.name, (place) => label('place', place)),
        isOpenMetrics,
      ),
      familyText(
        failedCredentials,
        this.failures.lines(failedCredentials.name, (door) => label('door', door)),
        isOpenMetrics,
      ),
      familyText(
        configInfo,
        this.info.lines(configInfo.name, (hash) => label('hash', hash)),
        isOpenMetrics,
      ),
    ];
  }
}

/**
 * The metrics of the process, in two registries: the library renames a counter for good (`_total` is cut off) the first
 * time its registry is printed as OpenMetrics, and a scrape as text would then see other names than before.
 */
async function openProcessRegistries(): Promise<{ text: Registry; openMetrics: Registry<OpenMetricsContentType> }> {
  // Loaded beside everything else: start does not wait for modules that only a scrape needs.
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  const text = new Registry();
  const openMetrics = new Registry<OpenMetricsContentType>();
  openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  collectDefaultMetrics({ register: text });
  for (const { name } of text.getMetricsAsArray()) {
    const metric = text.getSingleMetric(name) as Metric;
    const get = async (): Promise<unknown> => {
      const family = await metric.get();
      return family.type.toString() === 'counter' ? { ...family, name: name.replace(/_total$/, '') } : family;
    };
    // Of a metric a registry reads no more than this, though its type asks for one of the library's classes.
    openMetrics.registerMetric({ name, get } as unknown as Metric);
  }
  return { text, openMetrics };
}
