import { describe, expect, test } from '@jest/globals';
import { ModelCatalogue } from './catalogue.ts';
import type { ModelEntryConfig, ModelsConfig } from './schema.ts';

const ENTRY: ModelEntryConfig = { unpriced: 'free', fallbacks: [] };
const DEAR: ModelEntryConfig = { price: { input_per_million: 3, output_per_million: 1 }, fallbacks: [] };
const CHEAP: ModelEntryConfig = { price: { input_per_million: 0.15, output_per_million: 2.5 }, fallbacks: [] };

function catalogueOf(config: Partial<ModelsConfig>): ModelCatalogue {
  return new ModelCatalogue({ default_by: {}, allow: [], entries: {}, aliases: {}, ...config });
}

describe('a catalogue', () => {
  test('knows a model by its name and its aliases, and nothing else', () => {
    const catalogue = catalogueOf({
      entries: { 'gpt-4': { ...ENTRY, upstream_name: 'gpt-4-0613', max_output: 9 } },
      aliases: { 'openai/gpt-4.1': 'gpt', gpt: 'gpt-4' },
    });
    const model = catalogue.find('gpt-4');
    expect(model).toMatchObject({ name: 'gpt-4', upstreamName: 'gpt-4-0613', maxOutputTokens: 9, isListed: true });
    expect(catalogue.find('openai/gpt-4.1')).toBe(model);
    for (const unknown of ['gpt-5', 'GPT-4', 'gpt-*', '*', '', '__proto__', 'constructor'])
      expect(catalogue.find(unknown)).toBeUndefined();
  });

  test('without entries takes every name but one that stands for many', () => {
    const catalogue = catalogueOf({ aliases: { mini: 'gpt-4o-mini' } });
    expect(catalogue.find('mini')).toMatchObject({ name: 'gpt-4o-mini', upstreamName: 'gpt-4o-mini', isListed: false });
    expect(catalogue.find('anything')).toMatchObject({ name: 'anything', price: undefined, isListed: false });
    expect(catalogue.find('any*')).toBeUndefined();
    expect(new ModelCatalogue().find('x')).toMatchObject({ name: 'x' });
  });

  test('serves only what allow holds, by any of its names', () => {
    const entries = { a: ENTRY, b: ENTRY, c: { ...ENTRY, fallbacks: ['a', 'b', 'alias'] } };
    const catalogue = catalogueOf({ entries, aliases: { alias: 'b' }, allow: ['alias', 'c*'] });
    expect(catalogue.models.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(catalogue.find('a')).toBeUndefined();
    const [, c] = catalogue.models;
    expect(c && catalogue.fallbacksOf(c).map(({ name }) => name)).toEqual(['b', 'b']);
    expect(catalogueOf({ allow: ['gpt-*'] }).find('llama')).toBeUndefined();
  });

  test('takes rights by the entry or by any alias of it', () => {
    const catalogue = catalogueOf({ entries: { 'llama-2': ENTRY }, aliases: { llama: 'llama-2' } });
    for (const right of ['llama', 'llama-2', 'llama-*', '*']) expect(catalogue.isHeld([right], 'llama-2')).toBe(true);
    for (const right of ['gpt-4', 'llama-3', '']) expect(catalogue.isHeld([right], 'llama-2')).toBe(false);
    expect(catalogue.isHeld(['gpt-*'], 'gpt-*')).toBe(false);
  });
});

test('prices are whole pico-dollars; what has none costs nothing, the most there is, or is marked', () => {
  const entries: Record<string, ModelEntryConfig> = {
    dear: DEAR,
    cheap: CHEAP,
    free: ENTRY,
    capped: { unpriced: 'cap', fallbacks: [] },
    denied: { unpriced: 'deny', fallbacks: [] },
  };
  const found = catalogueOf({ entries }).models.map(({ name, price, isDeniedUnderBudget }) => [
    name,
    price && [price.rates.input, price.rates.output],
    isDeniedUnderBudget,
  ]);
  expect(found).toEqual([
    ['dear', [3_000_000, 1_000_000], false],
    ['cheap', [150_000, 2_500_000], false],
    ['free', [0, 0], false],
    ['capped', [3_000_000, 2_500_000], false],
    ['denied', undefined, true],
  ]);
});

test('defaults by claim come in the order of the claims, and claims that are lists count with each item', () => {
  const catalogue = catalogueOf({
    entries: { a: ENTRY, b: ENTRY, c: ENTRY },
    default_by: { lob: { wealth: 'a' }, groups: { x: 'b', y: 'c' }, level: { '3': 'b' } },
  });
  const names = (lob: string | undefined, claims = {}) => catalogue.defaultsBy({ lob, claims }).map(({ name }) => name);
  expect(names('wealth', { groups: ['y', 'z', 'x'] })).toEqual(['a', 'c', 'b']);
  expect(names(undefined, { level: 3 })).toEqual(['b']);
  expect(names('retail', { constructor: 'x' })).toEqual([]);
});
