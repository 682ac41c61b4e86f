import type { ModelPrice, TokenRates } from '../../exchange/model-price.ts';
import type { WrittenPrice, WrittenRates } from './price-schema.ts';

const MILLION = 1_000_000;
const PICO = 1_000_000_000_000;

/** A written price in whole pico-dollars. */
export function compilePrice(written: WrittenPrice, version: string): ModelPrice {
  const { above = [], per_item: item = 0, per_second: second = 0, per_million_characters: characters = 0 } = written;
  const { batch_percent: batch = 100, flex_percent: flex = 100, priority_percent: priority = 100 } = written;
  const steps = above.map((step) => ({ above: step.tokens, rates: compileRates({ ...written, ...step }) }));
  return Object.freeze({
    rates: compileRates(written),
    steps: steps.toSorted((a, b) => b.above - a.above),
    perItem: Math.round(item * PICO),
    perSecond: Math.round(second * PICO),
    perCharacter: Math.round(characters * MILLION),
    percent: { standard: 100, batch, flex, priority },
    version,
  });
}

/** A mistake in a price that its schema cannot see. */
export function priceMistake(written: WrittenPrice): string | undefined {
  if (Object.keys(written).length === 0)
    return 'says nothing: write input_per_million and output_per_million, or per_item';
  const rates = [written, ...(written.above ?? [])].flatMap((fields) =>
    Object.entries(fields).filter(([key]) => key.includes('per_million')),
  );
  const fine = rates.find(([, dollars]) => !isWhole((dollars as number) * MILLION));
  if (fine) return `${fine[0]} has more than six decimal places`;
  const steps = (written.above ?? []).map(({ tokens }) => tokens);
  return new Set(steps).size < steps.length ? 'above names the same number of tokens twice' : undefined;
}

/** The dearest of several prices, part by part. */
export function dearestOf(prices: readonly ModelPrice[]): ModelPrice | undefined {
  const [first, ...others] = prices;
  return others.reduce((dearest, price) => (dearest ? dearer(dearest, price) : price), first);
}

function dearer(a: ModelPrice, b: ModelPrice): ModelPrice {
  const all = [a, b].flatMap(({ rates, steps }) => [rates, ...steps.map((step) => step.rates)]);
  const rates = all.reduce((most, other) => mostOf(most, other));
  return {
    rates,
    steps: [],
    perItem: Math.max(a.perItem, b.perItem),
    perSecond: Math.max(a.perSecond, b.perSecond),
    perCharacter: Math.max(a.perCharacter, b.perCharacter),
    percent: mostOf(a.percent, b.percent),
    version: 'dearest',
  };
}

function mostOf<T extends object>(a: T, b: T): T {
  const keys = Object.keys(a) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, Math.max(Number(a[key]), Number(b[key]))])) as T;
}

function compileRates(written: WrittenRates): TokenRates {
  const pico = (dollars: number | undefined, otherwise: number): number =>
    dollars === undefined ? otherwise : Math.round(dollars * MILLION);
  const input = pico(written.input_per_million, 0);
  const output = pico(written.output_per_million, 0);
  const cacheWrite = pico(written.cache_write_per_million, input);
  return {
    input,
    output,
    cachedRead: pico(written.cached_read_per_million, input),
    cacheWrite,
    cacheWriteHour: pico(written.cache_write_1h_per_million, cacheWrite),
    reasoning: pico(written.reasoning_per_million, output),
    inputAudio: pico(written.input_audio_per_million, input),
    outputAudio: pico(written.output_audio_per_million, output),
    inputImage: pico(written.input_image_per_million, input),
    outputImage: pico(written.output_image_per_million, output),
  };
}

function isWhole(pico: number): boolean {
  return Math.abs(pico - Math.round(pico)) < 1e-6 * Math.max(1, pico * 1e-6);
}
