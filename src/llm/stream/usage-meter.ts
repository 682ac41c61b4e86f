import type { TokenUsage } from '../../exchange/model-call.ts';

/** A rule of thumb for English; other languages and code have fewer bytes per token. */
const BYTES_PER_TOKEN = 4;
/** More is no figure of one answer, and sums of such would not fit where usage is kept. */
const MOST_TOKENS = 1_000_000_000;

/**
 * What an answer has used so far: what the upstream reports, and until it does what the sizes suggest. May be read at
 * any time, and says at the end what is known then.
 */
export class UsageMeter implements TokenUsage {
  private input: number;
  private output = 0;
  private textBytes = 0;
  private isReported = false;
  private readonly hasText: boolean;

  /** `hasText`: what passes is text of the model, whose size says something. */
  constructor(estimatedInputTokens: number, hasText: boolean) {
    this.input = estimatedInputTokens;
    this.hasText = hasText;
  }

  get inputTokens(): number {
    return this.input;
  }

  get outputTokens(): number {
    return this.isReported ? this.output : Math.max(this.output, Math.ceil(this.textBytes / BYTES_PER_TOKEN));
  }

  get isEstimated(): boolean {
    return !this.isReported;
  }

  /** Output that has passed, for as long as nothing better is known. */
  addText(bytes: number): void {
    if (this.hasText) this.textBytes += bytes;
  }

  /**
   * Takes the upstream's own figures, in the words of OpenAI (chat: `prompt_tokens`, responses: `input_tokens`) or of
   * Anthropic, who counts cached input beside `input_tokens`. `isFinal`: nothing more is to come.
   */
  report(usage: Readonly<Record<string, unknown>>, isFinal: boolean): void {
    const input = count(usage['prompt_tokens']) ?? count(usage['input_tokens']);
    const output = count(usage['completion_tokens']) ?? count(usage['output_tokens']);
    if (input !== undefined) {
      this.input =
        input + (count(usage['cache_creation_input_tokens']) ?? 0) + (count(usage['cache_read_input_tokens']) ?? 0);
    }
    if (output !== undefined) this.output = output;
    // An embedding has no output to report.
    if (isFinal && (input !== undefined || output !== undefined)) this.isReported = true;
  }
}

function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MOST_TOKENS
    ? (value as number)
    : undefined;
}
