import { describe, expect, test } from '@jest/globals';
import { buildTarget } from '../../../tests/support/target-builder.ts';
import { Rejection } from '../../errors/rejection.ts';
import { ModelCatalogue } from '../../llm/catalogue.ts';
import type { ModelEntryConfig, ModelsConfig } from '../../llm/schema.ts';
import { Target } from '../../upstream/targets.ts';
import { allowedModels, chooseModel, type ModelRules } from './choose-model.ts';

const entry = (...fallbacks: string[]): ModelEntryConfig => ({ unpriced: 'free', fallbacks });
const ENTRIES = {
  'gpt-4': entry('llama-2', 'mistral'),
  'llama-2': entry('gpt-4', 'llama', 'mistral'),
  mistral: entry(),
};
const ALIASES = { llama: 'llama-2', 'openai/gpt-4.1': 'gpt-4' };

function rulesOf(config: Partial<ModelsConfig> = {}, rules: Partial<ModelRules> = {}): ModelRules {
  const models = { default_by: {}, allow: [], entries: ENTRIES, aliases: ALIASES, ...config };
  return { catalogue: new ModelCatalogue(models), routeModels: [], targets: [buildTarget('a')], ...rules };
}

const callerOf = (models?: readonly string[], lob?: string) => ({ models, lob, claims: {} });

/** The names of the candidates, or the code and text of the refusal. */
function choose(asked: string | undefined, models?: readonly string[], rules = rulesOf(), lob?: string): string {
  const chosen = chooseModel(asked, callerOf(models, lob), rules);
  if (chosen instanceof Rejection) return `${chosen.status} ${chosen.code}: ${chosen.detail}`;
  return chosen.map(({ name }) => name).join(' ');
}

describe('a model that is named', () => {
  test('is asked first, then its fallbacks, each once', () => {
    expect(choose('gpt-4')).toBe('gpt-4 llama-2 mistral');
    expect(choose('llama')).toBe('llama-2 gpt-4 mistral');
  });

  test('may be used by a right to its name or to an alias, whichever the request says', () => {
    for (const right of ['gpt-4', 'openai/gpt-4.1', 'gpt-*', '*'])
      for (const asked of ['gpt-4', 'openai/gpt-4.1']) expect(choose(asked, [right])).toMatch(/^gpt-4/);
    expect(choose('llama-2', ['gpt-4', 'llama'])).toBe('llama-2 gpt-4');
  });

  test('falls back only to what the caller may use', () => {
    expect(choose('gpt-4', ['gpt-4'])).toBe('gpt-4');
    expect(choose('gpt-4', ['gpt-4', 'mistral'])).toBe('gpt-4 mistral');
    expect(choose('gpt-4', undefined, rulesOf({}, { routeModels: ['gpt-4', 'llama'] }))).toBe('gpt-4 llama-2');
  });

  test('is refused in the words of whoever narrowed it, known or not', () => {
    expect(choose('gpt-5', ['gpt-4'], rulesOf(), 'wealth')).toBe(
      "403 MODEL_NOT_ALLOWED: Model 'gpt-5' not available for your LoB",
    );
    expect(choose('mistral', ['gpt-4'])).toBe(
      "403 MODEL_NOT_ALLOWED: Model 'mistral' not available for your credential",
    );
    expect(choose('gpt-4', [])).toMatch(/^403/);
    expect(choose('gpt-4', undefined, rulesOf({}, { routeModels: ['mistral'] }))).toMatch(/^403/);
    expect(choose('gpt-*', ['gpt-*'])).toMatch(/^403/);
  });

  test('is told to be unknown to who might use it if it existed', () => {
    const unknown = "404 MODEL_NOT_FOUND: Model 'gpt-5' does not exist here. GET /v1/models lists those that do.";
    expect(choose('gpt-5')).toBe(unknown);
    expect(choose('gpt-5', ['gpt-*'])).toBe(unknown);
    expect(choose('mistral', undefined, rulesOf({ allow: ['gpt-4'] }))).toMatch(/^404/);
  });

  test('is passed on as it is where there is no catalogue, unless no target takes it', () => {
    const open = rulesOf({ entries: {}, aliases: {} });
    expect(choose('anything', undefined, open)).toBe('anything');
    expect(choose('anything', ['other'], open)).toMatch(/^403/);
    const target = new Target({
      name: 't',
      origin: 'http://t',
      authority: 't',
      basePath: '',
      weight: 1,
      maxConnections: 1,
      models: ['gpt-*'],
    });
    const narrow = { ...open, targets: [target] };
    expect(choose('gpt-4', undefined, narrow)).toBe('gpt-4');
    expect(choose('llama', undefined, narrow)).toMatch(/^404/);
  });
});

describe('without a name', () => {
  const rules = rulesOf({ default: 'mistral', default_by: { lob: { wealth: 'llama' } } });

  test('claims go before the default, and the default before the first that is allowed', () => {
    expect(choose(undefined, undefined, rules, 'wealth')).toMatch(/^llama-2/);
    expect(choose(undefined, undefined, rules, 'retail')).toBe('mistral');
    expect(choose(undefined, ['gpt-4', 'llama'], rules, 'retail')).toBe('gpt-4 llama-2');
    expect(choose(undefined, ['mistral', 'gpt-4'], rules, 'wealth')).toBe('mistral');
    expect(choose(undefined)).toMatch(/^gpt-4/);
  });

  test('nobody is given what they may not use', () => {
    expect(choose(undefined, ['gpt-5'], rules, 'wealth')).toBe(
      '403 MODEL_NOT_ALLOWED: No model is available for your LoB.',
    );
  });

  test('and without a catalogue whoever answers chooses, but not for a caller who is narrowed', () => {
    const open = rulesOf({ entries: {}, aliases: {} });
    expect(choose(undefined, undefined, open)).toBe('');
    expect(choose(undefined, ['gpt-4'], open)).toBe('403 MODEL_NOT_ALLOWED: Name the model as "model" in the body.');
    expect(choose(undefined, undefined, rulesOf({ entries: {}, aliases: {}, default: 'm' }))).toBe('m');
  });

  test('the fastest is one of those the caller may use', () => {
    const fastest = rulesOf({ default: 'fastest' });
    const [target] = fastest.targets;
    target?.noteAttempt('success', 5, performance.now(), allowedModels(undefined, fastest)[1]);
    target?.noteAttempt('success', 50, performance.now(), allowedModels(undefined, fastest)[0]);
    expect(choose(undefined, ['gpt-4'], fastest)).toBe('gpt-4');
    expect(['gpt-4 llama-2', 'llama-2 gpt-4']).toContain(choose(undefined, ['gpt-4', 'llama-2'], fastest));
  });

  test('the fastest is the first while no target can be reached', () => {
    const fastest = rulesOf({ default: 'fastest' });
    for (const target of fastest.targets) target.isHealthy = false;
    expect(choose(undefined, ['mistral', 'llama'], fastest)).toBe('llama-2 mistral');
  });
});
