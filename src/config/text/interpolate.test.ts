import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { interpolate, type Lookup } from './interpolate.ts';

const variables: Record<string, string> = { HOST: 'db.internal', PORT: '5432', EMPTY: '', TRICK: '${HOST}' };
const lookup: Lookup = {
  variable: (name) => variables[name],
  file: (path) => (path === '/run/secrets/key' ? 's3cret' : undefined),
};

describe('interpolate', () => {
  test.each([
    ['plain', 'plain'],
    ['${HOST}', 'db.internal'],
    ['http://${HOST}:${PORT}/x', 'http://db.internal:5432/x'],
    ['${NONE:-fallback}', 'fallback'],
    ['${EMPTY:-fallback}', 'fallback'],
    ['${EMPTY}', ''],
    ['${NONE:-}', ''],
    ['${HOST:-${NONE}}', 'db.internal'],
    ['${NONE:-${HOST}/x}', 'db.internal/x'],
    ['${NONE:-["a", "b"]}', '["a", "b"]'],
    ['${file:/run/secrets/key}', 's3cret'],
    ['${file:/none:-fallback}', 'fallback'],
    ['$${HOST}', '${HOST}'],
    ['$HOST ${', undefined],
    ['costs 5$', 'costs 5$'],
  ])('%s becomes %p', (source, text) => {
    const result = interpolate(source, lookup);
    expect(result.problems.length > 0 ? undefined : result.text).toBe(text);
  });

  test('what a variable holds is not interpolated again', () => {
    expect(interpolate('${TRICK}', lookup)).toMatchObject({ text: '${HOST}', problems: [] });
  });

  test.each(['${', '${}', '${1A}', '${A B}', '${HOST', '${HOST:-x', '${file:}', '${NONE:?needed}'])(
    '%s is malformed, and the message quotes no value',
    (source) => {
      const { problems } = interpolate(source, lookup);
      expect(problems).toHaveLength(1);
      expect(problems.join()).not.toContain('db.internal');
    },
  );

  test('every missing variable of a scalar is named', () => {
    expect(interpolate('${A}-${B}-${HOST}', lookup).problems).toEqual([
      'the environment variable A is not set',
      'the environment variable B is not set',
    ]);
  });

  test.each([
    ['${PORT}', true],
    ['${NONE:-${PORT}}', true],
    ['${PORT}${PORT}', false],
    [' ${PORT}', false],
    ['x${PORT}', false],
  ])('%s is exactly one placeholder: %p', (source, isWhole) => {
    expect(interpolate(source, lookup).isWhole).toBe(isWhole);
  });

  test('tells which variable the text comes from', () => {
    expect(interpolate('${NONE:-${HOST}}', lookup)).toMatchObject({ asked: ['NONE', 'HOST'], found: 'HOST' });
    expect(interpolate('${NONE:-x}', lookup).found).toBeUndefined();
    expect(interpolate('${HOST:-${OTHER}}', lookup).asked).toEqual(['HOST']);
  });

  test('nesting is bounded', () => {
    const source = '${A:-'.repeat(2_000) + '}'.repeat(2_000);
    expect(interpolate(source, lookup).problems).toEqual(['${…} is nested more than 5 deep']);
  });

  test('text without ${ stays as it is, and any text ends', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', ':', '-', 'A', 'file:', ' ') }), (source) => {
        const result = interpolate(source, lookup);
        if (!source.includes('${')) expect(result).toMatchObject({ text: source, problems: [] });
        else expect(typeof result.text).toBe('string');
      }),
    );
  });

  test('any value comes out exactly as the variable holds it', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const result = interpolate('<${V}>', { ...lookup, variable: () => value });
        expect(result.text).toBe(`<${value}>`);
      }),
    );
  });
});
