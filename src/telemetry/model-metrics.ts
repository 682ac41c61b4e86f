import type { TokenUsage } from '../exchange/model-call.ts';
import type { UsageKinds } from '../exchange/model-price.ts';
import { COMPAT_METRICS, MODEL_METRICS } from './declarations.ts';
import { label } from './exposition.ts';
import { Histogram, Tally } from './series.ts';

/** The metrics of one model. Its name comes from the configuration, never from a request. */
export interface ModelMetrics {
  /** A request to this model has ended. */
  request(isSuccess: boolean, seconds: number): void;
  used(usage: TokenUsage, costNanoUsd: number): void;
}

const NANO = 1e9;

/** The series of one model. */
export class ModelSeries implements ModelMetrics {
  readonly latency = new Histogram(COMPAT_METRICS.ai_gateway.duration.buckets);
  readonly outcomes = new Tally<'success' | 'error'>();
  /** `model="…"`, as printed in every line. */
  readonly label: string;
  private inputTokens = 0;
  private outputTokens = 0;
  private costNanoUsd = 0;
  /** Of kinds that have been met. */
  private readonly byKind = new Map<string, number>();

  constructor(model: string) {
    this.label = label('model', model);
  }

  get tokens(): number {
    return this.inputTokens + this.outputTokens;
  }

  request(isSuccess: boolean, seconds: number): void {
    this.outcomes.add(isSuccess ? 'success' : 'error');
    this.latency.observe(seconds);
  }

  used(usage: TokenUsage, costNanoUsd: number): void {
    const { inputTokens, outputTokens, kinds } = usage;
    if (kinds) this.addKinds(kinds);
    this.inputTokens += inputTokens;
    this.outputTokens += outputTokens;
    this.costNanoUsd += costNanoUsd;
  }

  /** The lines of every family that is printed under the gateway's own names. */
  lines(): Record<keyof typeof MODEL_METRICS, readonly string[]> {
    const { tokens, tokenKinds, cost } = MODEL_METRICS;
    return {
      tokens: [
        `${tokens.name}{${this.label},direction="input"} ${this.inputTokens}`,
        `${tokens.name}{${this.label},direction="output"} ${this.outputTokens}`,
      ],
      tokenKinds: [...this.byKind].map(([kind, sum]) => `${tokenKinds.name}{${this.label},kind="${kind}"} ${sum}`),
      cost: [`${cost.name}{${this.label}} ${this.costNanoUsd / NANO}`],
    };
  }

  private addKinds(kinds: UsageKinds): void {
    this.addKind('cached_read', kinds.cachedRead);
    this.addKind('cache_write', kinds.cacheWrite + kinds.cacheWriteHour);
    this.addKind('reasoning', kinds.reasoning);
    this.addKind('audio', kinds.inputAudio + kinds.outputAudio);
    this.addKind('image', kinds.inputImage + kinds.outputImage);
  }

  private addKind(kind: string, tokens: number): void {
    if (tokens > 0) this.byKind.set(kind, (this.byKind.get(kind) ?? 0) + tokens);
  }
}
