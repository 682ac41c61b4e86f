/** Pico-dollars per token: whole numbers, so that every sum is exact. */
export interface TokenRates {
  readonly input: number;
  readonly output: number;
  /** Input that was read from a cache, or written to one for five minutes or for an hour. */
  readonly cachedRead: number;
  readonly cacheWrite: number;
  readonly cacheWriteHour: number;
  /** Output that is thought and not said. */
  readonly reasoning: number;
  readonly inputAudio: number;
  readonly outputAudio: number;
  readonly inputImage: number;
  readonly outputImage: number;
}

/** How fast or how late a provider answers; `standard` where nothing is told. */
export type ServiceTier = 'standard' | 'batch' | 'flex' | 'priority';

/** What a model costs. */
export interface ModelPrice {
  readonly rates: TokenRates;
  /** Rates of requests with more input tokens than `above`, from the highest bound down. */
  readonly steps: readonly { readonly above: number; readonly rates: TokenRates }[];
  /** Pico-dollars. An item is an image, a search or another thing that is paid by the piece. */
  readonly perItem: number;
  readonly perSecond: number;
  readonly perCharacter: number;
  /** Per cent of the price by how fast the answer is wanted. */
  readonly percent: Readonly<Record<ServiceTier, number>>;
  /** Where the price comes from: `configuration`, or the version of a price list. */
  readonly version: string;
}

/** Parts of what was used that have prices of their own. All are whole numbers. */
export interface UsageKinds {
  /** Parts of the input. */
  readonly cachedRead: number;
  readonly cacheWrite: number;
  readonly cacheWriteHour: number;
  readonly inputAudio: number;
  readonly inputImage: number;
  /** Parts of the output. */
  readonly reasoning: number;
  readonly outputAudio: number;
  readonly outputImage: number;
  readonly items: number;
  readonly seconds: number;
  readonly characters: number;
}

export const NO_KINDS: UsageKinds = Object.freeze({
  cachedRead: 0,
  cacheWrite: 0,
  cacheWriteHour: 0,
  inputAudio: 0,
  inputImage: 0,
  reasoning: 0,
  outputAudio: 0,
  outputImage: 0,
  items: 0,
  seconds: 0,
  characters: 0,
});

const STANDARD = Object.freeze({ standard: 100, batch: 100, flex: 100, priority: 100 });

/** The price of a model that has but two. Pico-dollars per token, which are dollars per million of millions. */
export function plainPrice(input: number, output: number): ModelPrice {
  const rates: TokenRates = {
    input,
    output,
    cachedRead: input,
    cacheWrite: input,
    cacheWriteHour: input,
    reasoning: output,
    inputAudio: input,
    outputAudio: output,
    inputImage: input,
    outputImage: output,
  };
  return { rates, steps: [], perItem: 0, perSecond: 0, perCharacter: 0, percent: STANDARD, version: 'configuration' };
}
