import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JsonObjectReader, type ReadObject } from './json-object-reader.ts';
import { scanFields } from './scan-fields.ts';

const KIB = 1024;

function read(text: string, stepBytes = 64 * KIB): ReadObject {
  const reader = new JsonObjectReader(Buffer.from(text));
  while (reader.result === undefined) reader.step(stepBytes);
  return reader.result;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A piece of text that is long, and of every kind of character and escape. */
const longText = fc
  .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 70 * KIB }))
  .map(([text, length]) => text.repeat(Math.ceil(length / text.length)));
const leaf = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string({ unit: 'binary' }), longText);
const name = fc.constantFrom('a', '__proto__', 'b"', 'é', 'constructor', '0', '\\');
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4 }),
    fc.tuple(leaf, fc.integer({ min: 1, max: 2_000 })).map(([item, times]) => Array(times).fill(smaller(item))),
  ),
})).value;

function smaller(item: unknown): unknown {
  return JSON.stringify(item).length > 100 ? 'x' : item;
}

const bodies = fc
  .tuple(fc.dictionary(name, value, { maxKeys: 5 }), fc.constantFrom(undefined, 1))
  .map(([body, indent]) => JSON.stringify(body, undefined, indent));
const steps = fc.constantFrom(1_000, 7 * KIB + 1, 64 * KIB, 10_000_000);

describe('of any object', () => {
  test('it gives what JSON.parse gives, and the fields that are found in it', () => {
    fc.assert(
      fc.property(bodies, steps, (text, stepBytes) => {
        const bytes = Buffer.from(text);
        expect(read(text, stepBytes)).toEqual({
          body: parsed(text),
          spans: scanFields(bytes, bytes.toString('latin1')),
        });
      }),
      { numRuns: 25 },
    );
  });

  test('it refuses what JSON.parse refuses, wherever the text is broken', () => {
    const breakage = fc.tuple(
      fc.nat(),
      fc.constantFrom('', ',', '"', '\\', '[', ']', '{', '}', ':', '\n', '\u0001', '1', 'x'),
      fc.nat({ max: 2 }),
    );
    fc.assert(
      fc.property(bodies, steps, breakage, (text, stepBytes, [place, put, out]) => {
        const at = place % (text.length + 1);
        const broken = Buffer.from(text.slice(0, at) + put + text.slice(at + out)).toString();
        const expected = parsed(broken);
        const found = read(broken, stepBytes);
        const isObject = typeof expected === 'object' && expected !== null && !Array.isArray(expected);
        if (isObject) expect(found).toHaveProperty('body', expected);
        else expect(typeof found).toBe('string');
      }),
      { numRuns: 60 },
    );
  });
});

const big = 'x'.repeat(100 * KIB);

test.each([
  ['a comma too many in a long list', `{"a":[${'1,'.repeat(50_000)}]}`],
  ['a comma before a long text', `{"a":[1,,"${big}"]}`],
  ['two values', `{"a":"${big}" "b"}`],
  ['a text behind a long text', `{"a":"${big}" 1}`],
  ['a long list closed as an object', `{"a":[${'1,'.repeat(50_000)}1}}`],
  ['a long object closed as a list', `{"a":{"b":"${big}"],"c":1}`],
  ['a long text without a name', `{"${big}"}`],
  ['a long text where a colon is missing', `{"a" "${big}"}`],
  ['a name that is no text', `{1:"${big}"}`],
  ['a control character in a long text', `{"a":"${big}\n"}`],
  ['an unknown escape in a long text', `{"a":"${big}\\x"}`],
  ['no end', `{"a":"${big}"`],
  ['no end of a text', `{"a":"${big}`],
  ['something behind the end', `{"a":"${big}"} x`],
  ['a second object', `{"a":"${big}"}{}`],
  ['a list', `["${big}"]`],
])('%s is refused', (_what, text) => expect(read(text)).toMatch(/^not |^made of names/));

describe('bounds', () => {
  const key = (length: number) => `{"a":{"${'k'.repeat(length)}":1},"pad":"${big}"}`;
  const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)},"pad":"${big}"}`;
  test.each<[string, string, string]>([
    ['a name', key(257), 'made of names or numbers that are too long'],
    ['a name that is longer than a run', key(300_000), 'made of names or numbers that are too long'],
    ['a number', `{"a":${'1'.repeat(1_001)},"pad":"${big}"}`, 'made of names or numbers that are too long'],
    ['a number of megabytes', `{"a":[${'1'.repeat(3_000_000)}]}`, 'made of names or numbers that are too long'],
    ['depth', nested(128), 'nested too deeply'],
    ['sections', `{"a":[${'[],'.repeat(60_000)}[]]}`, 'made of too many parts'],
    ['items', `{"a":[${'1,'.repeat(1_000_001)}1]}`, 'made of too many parts'],
    ['fields', `{${Array.from({ length: 1_001 }, (_, i) => `"${i}":1`).join(',')}}`, 'made of too many parts'],
  ])('%s', (_what, text, excess) => {
    expect(read(text)).toBe(excess);
    const bytes = Buffer.from(text);
    expect(scanFields(bytes, bytes.toString('latin1'))).toBe(excess);
  });

  test.each([key(256), nested(127), `{"a":${'1'.repeat(300)}}`])('up to the bound it is read', (text) => {
    expect(read(text)).toHaveProperty('body', JSON.parse(text));
  });
});
