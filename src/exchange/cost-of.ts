import type { Model, ModelCall, TokenUsage } from './model-call.ts';
import type { ModelPrice, TokenRates, UsageKinds } from './model-price.ts';

const PICO_PER_NANO = 1_000;

/**
 * What an answer costs in nano-dollars; 0 for a model without a price. All of it is summed exactly in pico-dollars and
 * rounded up once. What the provider itself says it cost goes before that, where the configuration takes its word.
 */
export function costOf({ price }: Model, usage: TokenUsage): number {
  if (!price) return 0;
  const { toldNanoUsd, serviceTier = 'standard' } = usage;
  if (toldNanoUsd !== undefined) return toldNanoUsd;
  const percent = price.percent[serviceTier];
  const terms = termsOf(price, usage);
  let sum = 0;
  for (let i = 0; i < terms.length; i += 2) sum += (terms[i] as number) * (terms[i + 1] as number);
  // A double holds whole numbers up to 2^53: beyond it, the same sum is made of integers of any length.
  return sum * percent <= Number.MAX_SAFE_INTEGER
    ? divideUp(sum * percent, PICO_PER_NANO * 100)
    : Number(exactNanoUsd(terms, percent));
}

/** Amount, rate, amount, rate … */
function termsOf(price: ModelPrice, { inputTokens, outputTokens, kinds }: TokenUsage): number[] {
  const rates = ratesFor(price, inputTokens);
  if (!kinds) return [inputTokens, rates.input, outputTokens, rates.output];
  const { perItem, perSecond, perCharacter } = price;
  const { items, seconds, characters } = kinds;
  return [
    ...inputTerms(inputTokens, rates, kinds),
    ...outputTerms(outputTokens, rates, kinds),
    ...[items, perItem, seconds, perSecond, characters, perCharacter],
  ];
}

/** No part of the input is paid twice, and what a provider names beyond the whole is not paid at all. */
function inputTerms(inputTokens: number, rates: TokenRates, kinds: UsageKinds): number[] {
  let rest = inputTokens;
  const terms: number[] = [];
  for (const kind of INPUT_KINDS) {
    const part = Math.min(rest, kinds[kind]);
    rest -= part;
    terms.push(part, rates[kind]);
  }
  return [...terms, rest, rates.input];
}

function outputTerms(outputTokens: number, rates: TokenRates, kinds: UsageKinds): number[] {
  let rest = outputTokens;
  const terms: number[] = [];
  for (const kind of OUTPUT_KINDS) {
    const part = Math.min(rest, kinds[kind]);
    rest -= part;
    terms.push(part, rates[kind]);
  }
  return [...terms, rest, rates.output];
}

const INPUT_KINDS = ['cacheWriteHour', 'cacheWrite', 'cachedRead', 'inputAudio', 'inputImage'] as const;
const OUTPUT_KINDS = ['reasoning', 'outputAudio', 'outputImage'] as const;

function ratesFor({ rates, steps }: ModelPrice, inputTokens: number): TokenRates {
  for (const step of steps) if (inputTokens > step.above) return step.rates;
  return rates;
}

function divideUp(amount: number, by: number): number {
  const rest = amount % by;
  return (amount - rest) / by + (rest > 0 ? 1 : 0);
}

function exactNanoUsd(terms: readonly number[], percent: number): bigint {
  let sum = 0n;
  for (let i = 0; i < terms.length; i += 2) sum += BigInt(terms[i] as number) * BigInt(terms[i + 1] as number);
  const by = BigInt(PICO_PER_NANO) * 100n;
  return (sum * BigInt(percent) + by - 1n) / by;
}

/** Everything the call used, lost attempts included. */
export function totalOf(call: Pick<ModelCall, 'model' | 'usage' | 'lost'>): { tokens: number; costNanoUsd: number } {
  const spent = call.usage ? [...call.lost, { model: call.model, usage: call.usage }] : call.lost;
  let tokens = 0;
  let costNanoUsd = 0;
  for (const { model, usage } of spent) {
    tokens += usage.inputTokens + usage.outputTokens;
    costNanoUsd += costOf(model, usage);
  }
  return { tokens, costNanoUsd };
}
