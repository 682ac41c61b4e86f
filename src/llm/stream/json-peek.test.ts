import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hasMember, lastObject, stringLength } from './json-peek.ts';

describe('lastObject', () => {
  test('finds the last object of the name, spaces or not', () => {
    expect(lastObject('{"usage":null,"a":{"usage" : {"n":1}},"usage":\n{"n":2,"m":{"k":"}"}}}', '"usage"')).toEqual({
      n: 2,
      m: { k: '}' },
    });
  });

  test('a value that is no object, or not whole, does not count', () => {
    expect(lastObject('{"usage":null}', '"usage"')).toBeUndefined();
    expect(lastObject('{"usage":{"n":1', '"usage"')).toBeUndefined();
    expect(lastObject('{"usage":{n:1}}', '"usage"')).toBeUndefined();
    expect(lastObject('{"usage":{"n":1},"usage":null}', '"usage"')).toEqual({ n: 1 });
  });

  test('nothing inside a string is ever taken for a member', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const text = JSON.stringify({ a: `${a}"usage":{"n":1}${b}`, list: [`"usage":`, { x: '"usage":{"n":3}' }] });
        expect(lastObject(text, '"usage"')).toBeUndefined();
      }),
    );
  });

  test('what stands in any JSON beside it is found as it is, read as latin1', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.dictionary(fc.string(), fc.nat()), (before, usage) => {
        const text = Buffer.from(JSON.stringify({ before: { deep: before }, usage })).toString('latin1');
        const plain = JSON.parse(Buffer.from(JSON.stringify(usage)).toString('latin1'));
        expect(lastObject(text, '"usage"')).toEqual(plain);
      }),
    );
  });
});

test('stringLength counts the characters of a string as they are written', () => {
  expect(stringLength('{"content":"a\\"b\\\\"}', '"content"')).toBe(6);
  expect(stringLength('{"content": "ab"}', '"content"')).toBe(2);
  expect(stringLength('{"content":"cut', '"content"')).toBe(3);
  for (const other of ['{"content":null}', '{"content":["ab"]}', '{}', '{"a":"content"}']) {
    expect(stringLength(other, '"content"')).toBe(0);
  }
});

test('hasMember asks how the value begins', () => {
  expect(hasMember('{"finish_reason": "stop"}', '"finish_reason"', '"')).toBe(true);
  expect(hasMember('{"finish_reason":null}', '"finish_reason"', '"')).toBe(false);
  expect(hasMember('{}', '"finish_reason"', '"')).toBe(false);
});

test('an object with names that take long to read is none', () => {
  expect(lastObject(`{"usage":{"${'n'.repeat(16_384)}":1}}`, '"usage"')).toBeUndefined();
  expect(lastObject(`{"usage":{"${'n'.repeat(16_000)}":1}}`, '"usage"')).toBeDefined();
});
