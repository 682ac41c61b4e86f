import type { TokenUsage } from '../../exchange/model-call.ts';
import { NO_KINDS, type ServiceTier, type UsageKinds } from '../../exchange/model-price.ts';
import { normalUsage } from './normal-usage.ts';

/** A rule of thumb for English; other languages and code have fewer bytes per token. */
const BYTES_PER_TOKEN = 4;

/** What is known of a call before its answer. */
interface Assumed {
  /** Output that is charged for as long as none is seen: of pictures, speech and work that goes on unseen. */
  readonly output?: number | undefined;
  readonly kinds?: UsageKinds | undefined;
  readonly serviceTier?: ServiceTier | undefined;
  /** The provider's own figure of the cost counts. */
  readonly takesToldCost?: boolean | undefined;
}

const NOTHING_ASSUMED: Assumed = Object.freeze({});

/**
 * What an answer has used so far: what the upstream reports, and until it does what the sizes suggest. May be read at
 * any time, and says at the end what is known then.
 */
export class UsageMeter implements TokenUsage {
  kinds: UsageKinds | undefined;
  serviceTier: ServiceTier | undefined;
  toldNanoUsd: number | undefined;

  private readonly estimatedInput: number;
  private readonly hasText: boolean;
  private readonly assumed: Assumed;
  private input = 0;
  private output = 0;
  private textBytes = 0;
  private isReported = false;

  /** `hasText`: what passes is text of the model, whose size says something. */
  constructor(estimatedInputTokens: number, hasText: boolean, assumed: Assumed = NOTHING_ASSUMED) {
    this.estimatedInput = estimatedInputTokens;
    this.hasText = hasText;
    this.assumed = assumed;
    this.kinds = assumed.kinds;
    this.serviceTier = assumed.serviceTier;
  }

  /** Whoever has read nothing has not answered: an input of zero is no report. */
  get inputTokens(): number {
    return this.input > 0 ? this.input : this.estimatedInput;
  }

  get outputTokens(): number {
    if (this.isReported && !this.isOutputMissing) return this.output;
    return Math.max(this.output, Math.ceil(this.textBytes / BYTES_PER_TOKEN), this.assumed.output ?? 0);
  }

  get isEstimated(): boolean {
    return !this.isReported || this.isOutputMissing;
  }

  /** Output that has passed, for as long as nothing better is known. */
  addText(bytes: number): void {
    if (this.hasText) this.textBytes += bytes;
  }

  /** Takes the upstream's own figures. `isFinal`: nothing more is to come. Of figures told twice the higher ones count. */
  report(told: Readonly<Record<string, unknown>>, isFinal: boolean): void {
    const { input, output, kinds, serviceTier, costNanoUsd } = normalUsage(told);
    this.input = Math.max(this.input, input ?? 0);
    this.output = Math.max(this.output, output ?? 0);
    this.kinds = highest(this.kinds ?? NO_KINDS, kinds);
    // A meter of seconds is exact; what a request asked for was a guess.
    if (kinds.seconds > 0) this.kinds = { ...this.kinds, seconds: kinds.seconds };
    this.serviceTier = serviceTier ?? this.serviceTier;
    if (this.assumed.takesToldCost) this.toldNanoUsd = costNanoUsd ?? this.toldNanoUsd;
    // An embedding has no output to report. Where both are zero nothing was counted.
    if (isFinal && ((input ?? 0) > 0 || (output ?? 0) > 0 || kinds.seconds > 0)) this.isReported = true;
  }

  /** The tier that stands beside the usage and not in it. */
  noteServiceTier(tier: ServiceTier | undefined): void {
    this.serviceTier = tier ?? this.serviceTier;
  }

  /** Text has come, and the upstream says that there was none. */
  private get isOutputMissing(): boolean {
    return this.output === 0 && this.seenText;
  }

  private get seenText(): boolean {
    return this.textBytes > 0 && this.isTextOnly;
  }

  /** Set by whoever counts only what the model has said, and not the JSON around it. */
  isTextOnly = false;
}

function highest(a: UsageKinds, b: UsageKinds): UsageKinds {
  if (a === NO_KINDS) return b;
  const kinds: Record<string, number> = {};
  for (const key of Object.keys(NO_KINDS) as (keyof UsageKinds)[]) kinds[key] = Math.max(a[key], b[key]);
  return kinds as unknown as UsageKinds;
}
