import { Agent, type buildConnector, request } from 'undici';
import type { Clock } from '../lib/clock.ts';
import { hasLongName } from '../lib/long-names.ts';
import type { ServiceTargets, Target } from './targets.ts';

/** Durations in milliseconds; thresholds count probes in a row. */
export interface HealthRules {
  readonly path: string;
  readonly interval: number;
  readonly timeout: number;
  readonly healthy_after: number;
  readonly unhealthy_after: number;
  readonly expected_status: { readonly from: number; readonly to: number };
}

interface HealthSurroundings {
  readonly clock: Clock;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  readonly metrics: { service(name: string): { targetHealthy(target: string, healthy: boolean): void } };
}

/** An inference service's report about itself; fields that are missing or have another type are absent. */
interface InferenceReport {
  readonly status?: string;
  readonly model?: string;
  readonly device?: string;
  readonly queue_size?: number;
  readonly inflight_batches?: number;
}

/** The last that is known of one target. */
export interface HealthView {
  readonly target: string;
  readonly healthy: boolean;
  /** Epoch milliseconds of the last finished probe; 0 before the first. */
  readonly checkedAt: number;
  /** From the last good probe that answered JSON; `undefined` while probes fail. */
  readonly report: InferenceReport | undefined;
}

/** More of a health page than this is not read. */
const LONGEST_PAGE = 64 * 1024;
const JITTER = 0.1;

/** Probes every target of one service until stopped, and keeps `target.isHealthy` up to date. */
export class HealthProber {
  private readonly probes: readonly TargetProbe[];
  private readonly connections: readonly Agent[];

  /** `connectTo`: opens connections to a target. Probes use connections of their own, so that a busy target stays healthy. */
  constructor(
    service: Pick<ServiceTargets, 'service' | 'targets'>,
    rules: HealthRules,
    surroundings: HealthSurroundings,
    connectTo?: (target: Target) => buildConnector.connector,
  ) {
    // Without pipelining every probe opens a connection, so it checks that the target accepts new ones.
    this.connections = service.targets.map((target) => {
      const connect = connectTo?.(target) ?? { timeout: rules.timeout };
      return new Agent({ pipelining: 0, allowH2: false, connect });
    });
    this.probes = service.targets.map(
      (target, i) => new TargetProbe(service.service, target, rules, surroundings, this.connections[i] as Agent),
    );
  }

  /** The first probes run at once; targets count as healthy until they have failed often enough. */
  start(): void {
    for (const probe of this.probes) probe.start();
  }

  /** Ends timers and running probes; targets keep the state they have. */
  stop(): void {
    for (const probe of this.probes) probe.stop();
    for (const agent of this.connections) agent.destroy().catch(() => {});
  }

  views(): HealthView[] {
    return this.probes.map((probe) => probe.view());
  }
}

class TargetProbe {
  private readonly service: string;
  private readonly target: Target;
  private readonly rules: HealthRules;
  private readonly surroundings: HealthSurroundings;
  private readonly agent: Agent;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  /** Probes in a row that contradicted the present state. */
  private contradictions = 0;
  private checkedAt = 0;
  private report: InferenceReport | undefined;

  constructor(service: string, target: Target, rules: HealthRules, surroundings: HealthSurroundings, agent: Agent) {
    this.service = service;
    this.target = target;
    this.rules = rules;
    this.surroundings = surroundings;
    this.agent = agent;
  }

  start(): void {
    this.surroundings.metrics.service(this.service).targetHealthy(this.target.name, this.target.isHealthy);
    void this.run();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  view(): HealthView {
    return { target: this.target.name, healthy: this.target.isHealthy, checkedAt: this.checkedAt, report: this.report };
  }

  private async run(): Promise<void> {
    const { problem, report } = await this.probe();
    if (this.isStopped) return;
    this.checkedAt = this.surroundings.clock.now();
    this.report = report;
    this.weigh(problem);
    const spread = 1 + JITTER * (2 * Math.random() - 1);
    this.timer = setTimeout(() => void this.run(), this.rules.interval * spread);
    this.timer.unref();
  }

  /** Never rejects: a `problem` is why the probe counts as failed. */
  private async probe(): Promise<{ problem?: string; report?: InferenceReport | undefined }> {
    const { path, timeout, expected_status: expected } = this.rules;
    try {
      const signal = AbortSignal.timeout(timeout);
      const options = { dispatcher: this.agent, signal, headersTimeout: 0, bodyTimeout: 0 };
      const { statusCode, body } = await request(this.target.origin + path, options);
      const page = await readPage(body);
      if (statusCode < expected.from || statusCode > expected.to) return { problem: `status ${statusCode}` };
      return { report: parseReport(page) };
    } catch (error) {
      const { name, code } = error as { name?: string; code?: string };
      return { problem: name === 'TimeoutError' ? 'timeout' : String(code ?? name) };
    }
  }

  private weigh(problem: string | undefined): void {
    const { target, rules } = this;
    const isWell = problem === undefined;
    if (isWell === target.isHealthy) {
      this.contradictions = 0;
      return;
    }
    this.contradictions += 1;
    if (this.contradictions < (isWell ? rules.healthy_after : rules.unhealthy_after)) return;
    this.contradictions = 0;
    target.isHealthy = isWell;
    this.tell(problem);
  }

  private tell(problem: string | undefined): void {
    const { service, target, surroundings } = this;
    surroundings.metrics.service(service).targetHealthy(target.name, target.isHealthy);
    const fields = { service, target: target.name, healthy: target.isHealthy, problem };
    if (target.isHealthy) surroundings.log.info(fields, 'target is healthy again');
    else surroundings.log.warn(fields, 'target is unhealthy: its health checks fail');
  }
}

/** The page as text; empty when it is longer than anybody should read. */
async function readPage(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > LONGEST_PAGE) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseReport(page: string): InferenceReport | undefined {
  if (hasLongName(page)) return undefined;
  let said: unknown;
  try {
    said = JSON.parse(page);
  } catch {
    return undefined;
  }
  if (typeof said !== 'object' || said === null) return undefined;
  const fields = Object.entries(REPORT_FIELDS).map(([name, type]) => {
    const value = (said as Record<string, unknown>)[name];
    return typeof value === type ? { [name]: value } : {};
  });
  return Object.assign({}, ...fields) as InferenceReport;
}

const REPORT_FIELDS = {
  status: 'string',
  model: 'string',
  device: 'string',
  queue_size: 'number',
  inflight_batches: 'number',
} as const;
