import { NO_KINDS, type ServiceTier, type UsageKinds } from '../../exchange/model-price.ts';

type Told = Readonly<Record<string, unknown>>;

/** What a provider told of one answer, in the one form that is counted in: all input with its caches, all output. */
export interface NormalUsage {
  /** `undefined` where nothing was told of it. */
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly kinds: UsageKinds;
  readonly serviceTier: ServiceTier | undefined;
  readonly costNanoUsd: number | undefined;
}

/** More is no figure of one answer, and sums of such would not fit where usage is kept. */
const MOST_TOKENS = 1_000_000_000;

/**
 * Reads usage as OpenAI (chat, responses, images, audio), Anthropic, Gemini, Bedrock, DeepSeek, xAI, Cohere, OpenRouter
 * and those who copy them tell it. OpenAI and Gemini count cached input within the input, Anthropic and Bedrock beside
 * it; Gemini and xAI count thoughts beside the output, the others within it.
 */
export function normalUsage(told: Told): NormalUsage {
  const kinds = kindsOf(told);
  return {
    input: inputOf(told, kinds),
    output: outputOf(told, kinds),
    kinds,
    serviceTier: readServiceTier(told['service_tier']),
    costNanoUsd: toldCost(told),
  };
}

export function readServiceTier(value: unknown): ServiceTier | undefined {
  if (value === 'default' || value === 'standard' || value === 'on_demand') return 'standard';
  return value === 'batch' || value === 'flex' || value === 'priority' ? value : undefined;
}

function inputOf(told: Told, { cachedRead, cacheWrite, cacheWriteHour }: UsageKinds): number | undefined {
  const inclusive = count(told['prompt_tokens']) ?? count(told['promptTokenCount']);
  if (inclusive !== undefined) return Math.max(inclusive + (count(told['toolUsePromptTokenCount']) ?? 0), cachedRead);
  const input = count(told['input_tokens']) ?? count(told['inputTokens']);
  if (input === undefined) return undefined;
  return isExclusive(told) ? input + cachedRead + cacheWrite + cacheWriteHour : input;
}

/** Cached input stands beside the input, as Anthropic and Bedrock have it. */
function isExclusive(told: Told): boolean {
  return EXCLUSIVE.some((key) => count(told[key]) !== undefined) || isObject(told['cache_creation']);
}

const EXCLUSIVE = [
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'cacheReadInputTokens',
  'cacheWriteInputTokens',
];

function outputOf(told: Told, { reasoning }: UsageKinds): number | undefined {
  const candidates = count(told['candidatesTokenCount']);
  const thoughts = count(told['thoughtsTokenCount']);
  if (candidates !== undefined || thoughts !== undefined) return (candidates ?? 0) + (thoughts ?? 0);
  const output = count(told['completion_tokens']) ?? count(told['output_tokens']) ?? count(told['outputTokens']);
  const total = count(told['total_tokens']);
  const prompt = count(told['prompt_tokens']);
  if (output === undefined || total === undefined || prompt === undefined) return output;
  // Where thoughts stand beside the output, the total alone has them.
  return total - prompt - output === reasoning ? output + reasoning : output;
}

function kindsOf(told: Told): UsageKinds {
  const input = firstObject(told, ['prompt_tokens_details', 'input_tokens_details', 'input_token_details']);
  const output = firstObject(told, ['completion_tokens_details', 'output_tokens_details', 'output_token_details']);
  const hour = count(firstObject(told, ['cache_creation'])['ephemeral_1h_input_tokens']) ?? 0;
  const written =
    count(told['cache_creation_input_tokens']) ??
    count(told['cacheWriteInputTokens']) ??
    count(input['cache_write_tokens']) ??
    (count(firstObject(told, ['cache_creation'])['ephemeral_5m_input_tokens']) ?? 0) + hour;
  return {
    ...NO_KINDS,
    cachedRead: firstCount(told, CACHED) ?? count(input['cached_tokens']) ?? 0,
    cacheWrite: Math.max(0, written - hour),
    cacheWriteHour: hour,
    inputAudio: count(input['audio_tokens']) ?? 0,
    inputImage: count(input['image_tokens']) ?? 0,
    reasoning: count(told['thoughtsTokenCount']) ?? count(output['reasoning_tokens']) ?? 0,
    outputAudio: count(output['audio_tokens']) ?? 0,
    outputImage: count(output['image_tokens']) ?? 0,
    seconds: seconds(told['seconds']),
    items: count(told['search_units']) ?? 0,
  };
}

const CACHED = [
  'cache_read_input_tokens',
  'cacheReadInputTokens',
  'cachedContentTokenCount',
  'prompt_cache_hit_tokens',
  'cached_tokens',
];

/** OpenRouter's dollars, or xAI's ticks of ten to the minus ten. */
function toldCost({ cost, cost_in_usd_ticks: ticks, total_cost: total }: Told): number | undefined {
  const whole = count(ticks);
  if (whole !== undefined) return Math.ceil(whole / 10);
  const dollars = isObject(cost) ? cost['total_cost'] : (cost ?? total);
  return typeof dollars === 'number' && dollars >= 0 && dollars < 1_000_000 ? nanoOf(dollars) : undefined;
}

/** The shortest decimal text of a number is what was written: a product would not be. */
function nanoOf(dollars: number): number {
  const [digits = '0', exponent = '0'] = dollars.toExponential().split('e');
  const [whole = '0', fraction = ''] = digits.split('.');
  const shift = Number(exponent) - fraction.length + 9;
  const amount = BigInt(whole + fraction);
  if (shift >= 0) return Number(amount * 10n ** BigInt(shift));
  const by = 10n ** BigInt(-shift);
  return Number((amount + by - 1n) / by);
}

function seconds(value: unknown): number {
  return typeof value === 'number' && value > 0 && value < MOST_TOKENS ? Math.ceil(value) : 0;
}

function firstCount(told: Told, keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = count(told[key]);
    if (value !== undefined) return value;
  }
  return undefined;
}

function firstObject(told: Told, keys: readonly string[]): Told {
  for (const key of keys) if (isObject(told[key])) return told[key];
  return {};
}

function isObject(value: unknown): value is Told {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MOST_TOKENS
    ? (value as number)
    : undefined;
}
