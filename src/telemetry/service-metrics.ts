import type { ErrorCode } from '../errors/catalog.ts';
import { SERVICE_METRICS } from './declarations.ts';
import { label } from './exposition.ts';
import { Histogram, Tally } from './series.ts';

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
  cooldown(target: string): void;
  circuitState(target: string, state: CircuitState): void;
  targetHealthy(target: string, healthy: boolean): void;
  inFlight(delta: 1 | -1): void;
  streams(delta: 1 | -1): void;
}

/** Anything else a client may think of is counted as the last one. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'OTHER'] as const;
const METHOD_INDEX: ReadonlyMap<string, number> = new Map(METHODS.map((method, index) => [method, index]));
const OTHER_METHOD = METHODS.length - 1;

const CIRCUIT_VALUE: Readonly<Record<CircuitState, number>> = { closed: 0, half_open: 1, open: 2 };

/**
 * The series of one service. A part is made when it is first fed: a configuration may hold thousands of services that
 * never see a request.
 */
export class ServiceSeries implements ServiceMetrics {
  /** `service="…"`, as printed in every line. */
  private readonly label: string;
  private requests: Tally<number> | undefined;
  /** Of every request, in seconds. */
  latency: Histogram | undefined;
  private overheads: Histogram | undefined;
  private upstreams: Map<string, Histogram> | undefined;
  private errors: Tally<string> | undefined;
  private limited: Tally<string> | undefined;
  private retries: Tally<string> | undefined;
  private cooldowns: Tally<string> | undefined;
  private circuits: Tally<string> | undefined;
  private health: Tally<string> | undefined;
  private running: number | undefined;
  private streaming: number | undefined;

  constructor(service: string) {
    this.label = label('service', service);
  }

  request(method: string, status: number, seconds: number): void {
    const index = METHOD_INDEX.get(method) ?? OTHER_METHOD;
    (this.requests ??= new Tally()).add(index * 1000 + status);
    (this.latency ??= new Histogram(SERVICE_METRICS.latency.buckets)).observe(seconds);
  }

  overhead(seconds: number): void {
    (this.overheads ??= new Histogram(SERVICE_METRICS.overhead.buckets)).observe(seconds);
  }

  upstream(target: string, seconds: number): void {
    const upstreams = (this.upstreams ??= new Map());
    let histogram = upstreams.get(target);
    if (!histogram) upstreams.set(target, (histogram = new Histogram(SERVICE_METRICS.upstream.buckets)));
    histogram.observe(seconds);
  }

  error(code: ErrorCode): void {
    (this.errors ??= new Tally()).add(code);
  }

  rateLimited(limit: string): void {
    (this.limited ??= new Tally()).add(limit);
  }

  retry(reason: string): void {
    (this.retries ??= new Tally()).add(reason);
  }

  cooldown(target: string): void {
    (this.cooldowns ??= new Tally()).add(target);
  }

  circuitState(target: string, state: CircuitState): void {
    (this.circuits ??= new Tally()).set(target, CIRCUIT_VALUE[state]);
  }

  targetHealthy(target: string, healthy: boolean): void {
    (this.health ??= new Tally()).set(target, healthy ? 1 : 0);
  }

  inFlight(delta: 1 | -1): void {
    this.running = (this.running ?? 0) + delta;
  }

  streams(delta: 1 | -1): void {
    this.streaming = (this.streaming ?? 0) + delta;
  }

  keepTargets(targets: ReadonlySet<string>): void {
    this.circuits?.keep(targets);
    this.cooldowns?.keep(targets);
    this.health?.keep(targets);
    for (const target of this.upstreams?.keys() ?? []) if (!targets.has(target)) this.upstreams?.delete(target);
  }

  /** The lines of every family that has been fed. */
  lines(): Record<keyof typeof SERVICE_METRICS, readonly string[]> {
    return {
      requests: this.requests?.lines(SERVICE_METRICS.requests.name, (key) => this.requestLabels(key)) ?? [],
      latency: this.latency?.lines(SERVICE_METRICS.latency.name, this.label) ?? [],
      upstream: this.upstreamLines(),
      overhead: this.overheads?.lines(SERVICE_METRICS.overhead.name, this.label) ?? [],
      errors: this.tallyLines('errors', this.errors),
      rateLimited: this.tallyLines('rateLimited', this.limited),
      retries: this.tallyLines('retries', this.retries),
      cooldowns: this.tallyLines('cooldowns', this.cooldowns),
      circuitState: this.tallyLines('circuitState', this.circuits),
      targetHealthy: this.tallyLines('targetHealthy', this.health),
      inFlight: this.numberLines('inFlight', this.running),
      streams: this.numberLines('streams', this.streaming),
    };
  }

  private tallyLines(family: keyof typeof SERVICE_METRICS, tally: Tally<string> | undefined): readonly string[] {
    const { name, labels } = SERVICE_METRICS[family];
    return tally?.lines(name, (key) => `${this.label},${label(labels[1] as string, key)}`) ?? [];
  }

  private numberLines(family: 'inFlight' | 'streams', value: number | undefined): readonly string[] {
    return value === undefined ? [] : [`${SERVICE_METRICS[family].name}{${this.label}} ${value}`];
  }

  private upstreamLines(): readonly string[] {
    const { name } = SERVICE_METRICS.upstream;
    return [...(this.upstreams ?? [])].flatMap(([target, histogram]) =>
      histogram.lines(name, `${this.label},${label('target', target)}`),
    );
  }

  private requestLabels(key: number): string {
    return `${this.label},method="${METHODS[Math.floor(key / 1000)]}",status="${key % 1000}"`;
  }
}
