import { parsePriceList, type PriceList } from './price-list.ts';
import type { WrittenPrice } from './price-schema.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a price list of Turnpike, of models.dev (`api.json`, MIT) or of LiteLLM (`model_prices_and_context_window.json`,
 * MIT). `version` names it where it does not name itself. Throws an error that says what is wrong.
 */
export function readForeignPrices(text: string, version: string): PriceList {
  const read = JSON.parse(text) as unknown;
  if (!isObject(read)) throw new Error('it is no JSON object');
  if (isObject(read['models']) && typeof read['version'] === 'string') return parsePriceList(text);
  const entries = Object.entries(read);
  const isModelsDev = entries.some(([, provider]) => isObject(provider) && isObject(provider['models']));
  const models = isModelsDev ? ofModelsDev(entries) : ofLitellm(entries);
  if (Object.keys(models).length === 0) throw new Error('it has no prices in a form that is known');
  return parsePriceList(JSON.stringify({ version, licence: 'MIT', models }));
}

/** Providers that make the models they sell come first: others sell the same names at other prices. */
const MAKERS = ['openai', 'anthropic', 'google', 'mistral', 'deepseek', 'xai', 'cohere'];

function ofModelsDev(entries: readonly (readonly [string, unknown])[]): Record<string, WrittenPrice> {
  const models: Record<string, WrittenPrice> = {};
  const rank = (id: string): number => (MAKERS.includes(id) ? MAKERS.indexOf(id) : MAKERS.length);
  for (const [, provider] of entries.toSorted(([a], [b]) => rank(a) - rank(b))) {
    if (!isObject(provider) || !isObject(provider['models'])) continue;
    for (const [name, model] of Object.entries(provider['models'])) {
      const price = isObject(model) && isObject(model['cost']) ? ofCost(model['cost']) : undefined;
      if (price && !Object.hasOwn(models, name)) models[name] = price;
    }
  }
  return models;
}

const OF_COST = {
  input: 'input_per_million',
  output: 'output_per_million',
  reasoning: 'reasoning_per_million',
  cache_read: 'cached_read_per_million',
  cache_write: 'cache_write_per_million',
  input_audio: 'input_audio_per_million',
  output_audio: 'output_audio_per_million',
} as const;

function ofCost(cost: Fields): WrittenPrice | undefined {
  const rates = pick(cost, OF_COST, 1);
  if (rates['input_per_million'] === undefined) return undefined;
  const { tiers, context_over_200k: long } = cost;
  const steps = Array.isArray(tiers) ? (tiers as unknown[]).filter(isObject) : isObject(long) ? [long] : [];
  const above = steps.flatMap((step) => {
    const size = isObject(step['tier']) ? step['tier']['size'] : 200_000;
    return typeof size === 'number' ? [{ tokens: size, ...pick(step, OF_COST, 1) }] : [];
  });
  return above.length === 0 ? rates : { ...rates, above };
}

const OF_LITELLM = {
  input_cost_per_token: 'input_per_million',
  output_cost_per_token: 'output_per_million',
  output_cost_per_reasoning_token: 'reasoning_per_million',
  cache_read_input_token_cost: 'cached_read_per_million',
  cache_creation_input_token_cost: 'cache_write_per_million',
  cache_creation_input_token_cost_above_1hr: 'cache_write_1h_per_million',
  input_cost_per_audio_token: 'input_audio_per_million',
  output_cost_per_audio_token: 'output_audio_per_million',
  input_cost_per_character: 'per_million_characters',
} as const;
const UNITS_OF_LITELLM = {
  output_cost_per_image: 'per_item',
  input_cost_per_query: 'per_item',
  input_cost_per_second: 'per_second',
} as const;
const ABOVE = [128_000, 200_000, 256_000, 272_000];

function ofLitellm(entries: readonly (readonly [string, unknown])[]): Record<string, WrittenPrice> {
  const models: Record<string, WrittenPrice> = {};
  for (const [name, fields] of entries) {
    if (!isObject(fields) || name === 'sample_spec') continue;
    const rates = { ...pick(fields, OF_LITELLM, 1_000_000), ...pick(fields, UNITS_OF_LITELLM, 1) };
    const above = ABOVE.flatMap((tokens) => {
      const names = Object.entries(OF_LITELLM).map(([key, to]) => [`${key}_above_${tokens / 1_000}k_tokens`, to]);
      const step = pick(fields, Object.fromEntries(names) as Record<string, string>, 1_000_000);
      return Object.keys(step).length > 0 ? [{ tokens, ...step }] : [];
    });
    if (Object.keys(rates).length > 0) models[name] = above.length === 0 ? rates : { ...rates, above };
  }
  return models;
}

/** Dollars times `factor`, without what multiplying left beyond a millionth. */
function pick(from: Fields, names: Readonly<Record<string, string>>, factor: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [key, to] of Object.entries(names)) {
    const value = from[key];
    if (typeof value !== 'number' || value < 0) continue;
    found[to] = factor === 1 && to.startsWith('per_') ? value : Math.round(value * factor * 1e6) / 1e6;
  }
  return found;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
