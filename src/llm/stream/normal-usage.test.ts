import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { costOf } from '../../exchange/cost-of.ts';
import type { Model } from '../../exchange/model-call.ts';
import { compilePrice } from '../prices/compile-price.ts';
import type { WrittenPrice } from '../prices/price-schema.ts';
import { normalUsage } from './normal-usage.ts';
import { UsageMeter } from './usage-meter.ts';

function modelOf(price: WrittenPrice, takesToldCost = false): Model {
  const compiled = compilePrice(price, 'test');
  return { name: 'm', upstreamName: 'm', price: compiled, maxOutputTokens: undefined, isListed: true, takesToldCost };
}

function costs(price: WrittenPrice, told: object, takesToldCost = false): number {
  const meter = new UsageMeter(1, false, { takesToldCost });
  meter.report(told as Record<string, unknown>, true);
  return costOf(modelOf(price, takesToldCost), meter);
}

const CLAUDE: WrittenPrice = {
  input_per_million: 3,
  output_per_million: 15,
  cached_read_per_million: 0.3,
  cache_write_per_million: 3.75,
  cache_write_1h_per_million: 6,
};
const GPT5: WrittenPrice = { input_per_million: 1.25, cached_read_per_million: 0.125, output_per_million: 10 };

describe('what public reports say an answer costs, in nano-dollars', () => {
  test.each<[string, WrittenPrice, object, number]>([
    [
      'OpenAI counts cached input within the prompt',
      GPT5,
      { prompt_tokens: 4814, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 4736 } },
      789_500,
    ],
    [
      'the Responses API does, too',
      GPT5,
      { input_tokens: 4814, output_tokens: 10, input_tokens_details: { cached_tokens: 4736 } },
      789_500,
    ],
    [
      'Anthropic counts cached input beside the input',
      CLAUDE,
      { input_tokens: 100, cache_read_input_tokens: 100_000, cache_creation_input_tokens: 0, output_tokens: 10 },
      30_450_000,
    ],
    [
      'Anthropic prices what is written for an hour higher',
      CLAUDE,
      {
        input_tokens: 10,
        cache_creation_input_tokens: 3000,
        cache_creation: { ephemeral_5m_input_tokens: 1000, ephemeral_1h_input_tokens: 2000 },
        output_tokens: 1,
      },
      30_000 + 3_750_000 + 12_000_000 + 15_000,
    ],
    [
      'LiteLLM tells Anthropic’s figures within its own prompt',
      CLAUDE,
      { prompt_tokens: 100_100, cache_read_input_tokens: 100_000, completion_tokens: 10 },
      30_450_000,
    ],
    [
      'Gemini counts cached input within, and thoughts beside the output',
      { input_per_million: 1.25, cached_read_per_million: 0.31, output_per_million: 10 },
      { promptTokenCount: 1000, cachedContentTokenCount: 900, candidatesTokenCount: 10, thoughtsTokenCount: 20 },
      125_000 + 279_000 + 300_000,
    ],
    [
      'Bedrock counts as Anthropic does',
      CLAUDE,
      { inputTokens: 100, cacheReadInputTokens: 1000, cacheWriteInputTokens: 0, outputTokens: 10 },
      300_000 + 300_000 + 150_000,
    ],
    [
      'DeepSeek has hits and misses',
      { input_per_million: 0.28, cached_read_per_million: 0.028, output_per_million: 0.42 },
      { prompt_tokens: 1000, prompt_cache_hit_tokens: 800, prompt_cache_miss_tokens: 200, completion_tokens: 100 },
      56_000 + 22_400 + 42_000,
    ],
    [
      'xAI has thoughts only in the total',
      { input_per_million: 3, output_per_million: 15 },
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 115,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      30_000 + 105 * 15_000,
    ],
    [
      'OpenAI has thoughts within the output',
      { input_per_million: 1, output_per_million: 10, reasoning_per_million: 20 },
      {
        prompt_tokens: 10,
        completion_tokens: 105,
        total_tokens: 115,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      10_000 + 50_000 + 2_000_000,
    ],
    ['whisper tells seconds', { per_second: 0.0001 }, { type: 'duration', seconds: 61.2 }, 6_200_000],
    ['Cohere tells searches', { per_item: 0.002 }, { search_units: 3 }, 6_000_000],
  ])('%s', (_, price, told, nano) => expect(costs(price, told)).toBe(nano));

  test('a long request has the rates of its step, and the tier of service changes all of it', () => {
    const price: WrittenPrice = {
      ...CLAUDE,
      above: [{ tokens: 200_000, input_per_million: 6, output_per_million: 22.5 }],
      flex_percent: 50,
    };
    expect(costs(price, { input_tokens: 200_000, output_tokens: 1 })).toBe(600_015_000);
    expect(costs(price, { input_tokens: 200_001, output_tokens: 1 })).toBe(1_200_006_000 + 22_500);
    expect(costs(price, { input_tokens: 1, output_tokens: 1, service_tier: 'flex' })).toBe(9_000);
  });

  test.each([
    [{ cost: 0.00014 }, 140_000],
    [{ cost: 0.0000000001 }, 1],
    [{ cost: 12.3456789012 }, 12_345_678_902],
    [{ cost: { total_cost: 0.006 } }, 6_000_000],
    [{ cost_in_usd_ticks: 371 }, 38],
    [{ cost: -1 }, 3_000],
  ])('what the provider itself says goes before the price where its word is taken: %j', (told, nano) => {
    const usage = { prompt_tokens: 1, completion_tokens: 0, ...told };
    expect(costs(CLAUDE, usage, true)).toBe(nano);
    expect(costs(CLAUDE, usage)).toBe(3_000);
  });
});

describe('figures that are no figures', () => {
  test('zeros beside text are no usage', () => {
    const meter = new UsageMeter(200, true);
    meter.isTextOnly = true;
    meter.addText(4_000);
    meter.report({ prompt_tokens: 0, completion_tokens: 0 }, true);
    expect(meter).toMatchObject({ inputTokens: 200, outputTokens: 1_000, isEstimated: true });
    meter.report({ prompt_tokens: 180, completion_tokens: 0 }, true);
    expect(meter).toMatchObject({ inputTokens: 180, outputTokens: 1_000, isEstimated: true });
    meter.report({ prompt_tokens: 180, completion_tokens: 900 }, true);
    expect(meter).toMatchObject({ inputTokens: 180, outputTokens: 900, isEstimated: false });
  });

  test('of figures that are told twice the higher ones count', () => {
    const meter = new UsageMeter(1, true);
    meter.report({ prompt_tokens: 900, completion_tokens: 900 }, true);
    meter.report({ prompt_tokens: 1, completion_tokens: 1 }, true);
    expect(meter).toMatchObject({ inputTokens: 900, outputTokens: 900 });
  });

  test.each([-1, 1.5, '7', 1e10, null])('%p is left out', (bad) => {
    expect(normalUsage({ prompt_tokens: bad, completion_tokens: 3 })).toMatchObject({ input: undefined, output: 3 });
  });

  test('parts that are more than the whole are not paid twice', () => {
    const told = {
      prompt_tokens: 10,
      completion_tokens: 0,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 99 },
    };
    expect(costs({ input_per_million: 1, input_audio_per_million: 2 }, told)).toBe(20_000);
  });
});

test('10,000 generated calls cost what a ledger by hand says, to the nano-dollar, in every kind of price', () => {
  const micro = fc.integer({ min: 0, max: 200_000_000 });
  const tokens = fc.integer({ min: 0, max: 2_000_000 });
  const call = fc.record({
    rates: fc.array(micro, { minLength: 8, maxLength: 8 }),
    amounts: fc.array(tokens, { minLength: 8, maxLength: 8 }),
    units: fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 2, maxLength: 2 }),
    percent: fc.integer({ min: 0, max: 300 }),
    dialect: fc.constantFrom('openai' as const, 'anthropic' as const, 'responses' as const),
    tier: fc.constantFrom('default' as const, 'flex' as const, 'priority' as const, 'batch' as const),
  });
  let [ledger, counted] = [0n, 0n];
  const sample = fc.sample(call, { numRuns: 10_000, seed: 12 });
  for (const { rates, amounts, units, percent, dialect, tier } of sample) {
    const [input, output, read, write, hour, reasoning, audioIn, audioOut] = rates as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const dollars = (pico: number): number => pico / 1_000_000;
    const price: WrittenPrice = {
      input_per_million: dollars(input),
      output_per_million: dollars(output),
      cached_read_per_million: dollars(read),
      cache_write_per_million: dollars(write),
      cache_write_1h_per_million: dollars(hour),
      reasoning_per_million: dollars(reasoning),
      input_audio_per_million: dollars(audioIn),
      output_audio_per_million: dollars(audioOut),
      per_item: (units[0] as number) / 1_000_000,
      per_second: (units[1] as number) / 1_000_000,
      flex_percent: percent,
      priority_percent: percent + 7,
      batch_percent: percent + 1,
    };
    const [plain, said, cached, written, writtenHour, thought, heard, spoken] = amounts as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const isAnthropic = dialect === 'anthropic';
    const told = isAnthropic
      ? {
          input_tokens: plain,
          cache_read_input_tokens: cached,
          cache_creation_input_tokens: written + writtenHour,
          cache_creation: { ephemeral_1h_input_tokens: writtenHour, ephemeral_5m_input_tokens: written },
          output_tokens: said,
        }
      : dialect === 'openai'
        ? {
            prompt_tokens: plain + cached + heard,
            completion_tokens: said + thought + spoken,
            total_tokens: plain + cached + heard + said + thought + spoken,
            prompt_tokens_details: { cached_tokens: cached, audio_tokens: heard },
            completion_tokens_details: { reasoning_tokens: thought, audio_tokens: spoken },
          }
        : {
            input_tokens: plain + cached + heard,
            output_tokens: said + thought + spoken,
            input_tokens_details: { cached_tokens: cached, audio_tokens: heard },
            output_tokens_details: { reasoning_tokens: thought, audio_tokens: spoken },
          };
    const parts = isAnthropic
      ? [plain, input, cached, read, written, write, writtenHour, hour, said, output]
      : [plain, input, cached, read, heard, audioIn, said, output, thought, reasoning, spoken, audioOut];
    let pico = BigInt(units[0] as number) * 3n * 1_000_000n;
    for (let i = 0; i < parts.length; i += 2) pico += BigInt(parts[i] as number) * BigInt(parts[i + 1] as number);
    const percents = { default: 100, flex: percent, priority: percent + 7, batch: percent + 1 };
    const scaled = pico * BigInt(percents[tier]);
    const byHand = scaled / 100_000n + (scaled % 100_000n > 0n ? 1n : 0n);
    ledger += byHand;
    const { kinds } = new UsageMeter(0, false);
    const meter = new UsageMeter(0, false, { kinds: { ...(kinds ?? normalUsage({}).kinds), items: 3 } });
    meter.report({ ...told, service_tier: tier }, true);
    const cost = BigInt(costOf(modelOf(price), meter));
    if (cost !== byHand) expect({ cost, told, price, tier }).toBe(byHand);
    counted += cost;
  }
  expect(counted).toBe(ledger);
});
