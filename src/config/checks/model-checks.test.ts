import { describe, expect, test } from '@jest/globals';
import { loadText, problemsOf } from '../../../tests/support/load-text.ts';

const FREE = 'unpriced: free';
const service = (models: string, fields = ''): string =>
  `services: { chat: { kind: llm, url: "http://x/v1", models: ${models}${fields} } }`;
const withEntries = (more: string, entries = `gpt-4: { ${FREE} }, llama-2: { ${FREE} }`): string =>
  service(`{ entries: { ${entries} }, ${more} }`);
const withTargets = (...targets: string[]): string =>
  `services: { chat: { kind: llm, targets: [${targets.map((fields, i) => `{ url: "http://x${i}", ${fields} }`).join(', ')}], models: { entries: { gpt-4: { ${FREE} }, llama-2: { ${FREE} } } } } }`;

describe('the models of a service', () => {
  test('are loaded with every name, price and limit in its place', async () => {
    const { config } = await loadText(
      service(
        '{ default: "${DEFAULT_MODEL:-gpt-4}", allow: "${AVAILABLE_MODELS:-}", default_by: { lob: { wealth: llama } }, entries: { gpt-4: { price: { input_per_million: 0.15, output_per_million: 0.6 }, max_output: 4096, fallbacks: [llama], rate_limit: 10 }, llama-2: { unpriced: free, upstream_name: llama-2-70b } }, aliases: { llama: llama-2, "openai/gpt-4.1": gpt-4 } }',
      ),
    );
    const models = config.services['chat']?.models;
    expect(models).toMatchObject({ default: 'gpt-4', allow: [], default_by: { lob: { wealth: 'llama' } } });
    expect(models?.entries['gpt-4']).toMatchObject({
      price: { input_per_million: 0.15, output_per_million: 0.6 },
      max_output: 4096,
      rate_limit: { limits: [{ limit: 10, window: 60_000 }] },
    });
    expect(models?.entries['llama-2']).toEqual({ unpriced: 'free', upstream_name: 'llama-2-70b', fallbacks: [] });
    expect(config.routes[0]?.policies.model_routing).toEqual({ models, routeModels: [] });
  });

  test('are narrowed by a variable, as a list between commas', async () => {
    const yaml = withEntries('allow: "${AVAILABLE_MODELS}"');
    const { config } = await loadText(yaml, { env: { AVAILABLE_MODELS: 'gpt-4,llama-2' } });
    expect(config.services['chat']?.models?.allow).toEqual(['gpt-4', 'llama-2']);
  });

  test.each([
    [
      'no price',
      withEntries('', 'gpt-4: {}'),
      'entries.gpt-4: has no price, and the price list has none: write price: {',
    ],
    [
      'no price and nothing else',
      withEntries('', 'gpt-4:'),
      'entries.gpt-4: has no price, and the price list has none: write price: {',
    ],
    [
      'both price and unpriced',
      withEntries('', `gpt-4: { ${FREE}, price: { input_per_million: 1 } }`),
      'entries.gpt-4.unpriced: stands beside price',
    ],
    [
      'a cap and no price',
      withEntries('', 'gpt-4: { unpriced: cap }'),
      'entries.gpt-4.unpriced: cap takes the highest',
    ],
    ['an unknown default', withEntries('default: gpt4'), 'default: no model is called "gpt4", did you mean "gpt-4"?'],
    ['a default that is not allowed', withEntries('default: gpt-4, allow: [llama-2]'), 'default: gpt-4 is not one of'],
    [
      'an unknown default by claim',
      withEntries('default_by: { lob: { a: x } }'),
      'default_by.lob.a: no model is called',
    ],
    ['allow for nothing', withEntries('allow: [gpt-5]'), 'allow[0]: no model is called "gpt-5", did you mean "gpt-4"?'],
    ['allow for no name at all', withEntries('allow: ["mistral-*"]'), 'allow[0]: no model is called "mistral-*"'],
    ['an unknown fallback', withEntries('', `a: { ${FREE}, fallbacks: [b] }`), 'entries.a.fallbacks[0]: no model is'],
    [
      'itself as a fallback',
      withEntries('aliases: { b: a }', `a: { ${FREE}, fallbacks: [b] }`),
      'entries.a.fallbacks[0]: is the model itself',
    ],
    ['an alias for nothing', withEntries('aliases: { a: b }'), 'aliases.a: no model is called "b"'],
    ['an alias in a circle', withEntries('aliases: { a: b, b: a }'), 'aliases.a: leads back to itself'],
    ['an alias for itself', service('{ aliases: { a: a } }'), 'aliases.a: leads back to itself'],
    ['an alias that is an entry', withEntries('aliases: { gpt-4: llama-2 }'), 'aliases.gpt-4: is the name of an entry'],
    ['an entry called fastest', withEntries('', `fastest: { ${FREE} }`), 'entries.fastest: is a word with a meaning'],
    [
      'fastest of nothing',
      service('{ default: fastest }'),
      'default: fastest chooses among entries, and there are none',
    ],
    [
      'a burst that has no meaning',
      withEntries('', `a: { ${FREE}, rate_limit: { limits: [{ limit: 1, window: 1m, burst: 2 }] } }`),
      'entries.a.rate_limit.limits[0]: burst has a meaning only with',
    ],
  ])('are refused with %s', async (_what, yaml, message) => {
    const problems = await problemsOf(yaml);
    expect(problems).toContainEqual(expect.stringContaining(`services.chat.models.${message}`));
  });

  test('may be unpriced where they cannot be asked for', async () => {
    const yaml = withEntries('allow: [llama]', `gpt-4: {}, llama-2: { ${FREE} }`).replace(
      'allow',
      'aliases: { llama: llama-2 }, allow',
    );
    expect((await loadText(yaml)).config.services['chat']?.models?.allow).toEqual(['llama']);
  });

  test('are refused on an http service, with what it should say', async () => {
    const yaml =
      'services: { a: { targets: [{ url: "http://x", provider: anthropic, models: [b] }], models: { default: b } } }';
    const wanted = 'has a meaning on llm and embeddings services only: write kind: llm';
    expect(await problemsOf(yaml)).toEqual(
      ['targets[0].provider', 'targets[0].models', 'models'].map((at) =>
        expect.stringContaining(`services.a.${at}: ${wanted}`),
      ),
    );
  });
});

describe('the models of a target', () => {
  test.each([
    [
      'unknown',
      ['models: [gpt-5]', 'weight: 1'],
      'targets[0].models[0]: no model is called "gpt-5", did you mean "gpt-4"?',
    ],
    ['not enough', ['models: [gpt-4]', 'models: ["gpt-*"]'], 'models.entries.llama-2: is served by no target'],
  ])('are refused when %s', async (_what, targets, message) => {
    expect(await problemsOf(withTargets(...targets))).toContainEqual(
      expect.stringContaining(`services.chat.${message}`),
    );
  });

  test('may be written as one, and a key header belongs to a key', async () => {
    const { config } = await loadText(withTargets('models: gpt-4', 'models: "llama-*", provider: anthropic'));
    expect(config.services['chat']?.targets.map(({ models, provider }) => [models, provider])).toEqual([
      [['gpt-4'], 'openai'],
      [['llama-*'], 'anthropic'],
    ]);
    const without = await problemsOf(withTargets('api_key_header: api-key'));
    expect(without).toContainEqual(expect.stringContaining('api_key_header: has no meaning without api_key'));
  });
});

test.each(['retry: false', 'retry: { attempts: 1 }'])(
  'fallbacks that %s leaves no attempt for are a warning',
  async (retry) => {
    const entries = `{ entries: { gpt-4: { ${FREE}, fallbacks: [llama-2] }, llama-2: { ${FREE} } } }`;
    const warned = async (fields: string) => (await loadText(service(entries, fields))).warnings.join();
    expect(await warned(`, ${retry}`)).toMatch(/services\.chat\.retry: leaves no attempt for the fallbacks of models/);
    expect(await warned('')).toBe('');
  },
);

test('several keys of one account are targets of their own, the same key twice is a mistake', async () => {
  const pool = (...keys: string[]): string =>
    `services: { chat: { kind: llm, targets: [${keys.map((key) => `{ url: "http://x/v1", api_key: "\${${key}}" }`).join(', ')}] } }`;
  const env = { KEY_A: 'sk-a', KEY_B: 'sk-b' };
  expect((await loadText(pool('KEY_A', 'KEY_B'), { env })).config.services['chat']?.targets).toHaveLength(2);
  expect((await problemsOf(pool('KEY_A', 'KEY_A'), { env })).join()).toContain('stands in the list twice: use weight');
});
