import { crc32 } from 'node:zlib';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { generateApiKey, hashApiKey, isMistypedKey, type KeyEnvironment } from './api-key-format.ts';

const env = fc.constantFrom<KeyEnvironment>('live', 'test', 'dev');

test('issues keys of exactly the published form, which carry their prefix and id', () => {
  fc.assert(
    fc.property(env, (each) => {
      const key = generateApiKey(each);
      expect(key.text).toMatch(/^sk_(live|test|dev)_[0-9A-Za-z]{46}$/);
      expect(key.text.startsWith(key.prefix)).toBe(true);
      expect(key.prefix).toBe(`sk_${each}_${key.id}`);
      expect(key.id).toHaveLength(8);
      expect(isMistypedKey(key.text)).toBe(false);
    }),
  );
});

test('takes any change of one character in an issued key for a typo', () => {
  const position = fc.integer({ min: 8, max: 53 });
  fc.assert(
    fc.property(position, fc.constantFrom(...'09AZaz5Mm'.split('')), (at, character) => {
      const { text } = generateApiKey('live');
      const changed = text.slice(0, at) + character + text.slice(at + 1);
      expect(isMistypedKey(changed)).toBe(changed !== text);
    }),
  );
});

test('never takes a text of another form for a typo, because it may be an imported key', () => {
  const foreign = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.stringMatching(/^sk-[A-Za-z0-9]{48}$/),
    fc.stringMatching(/^sk_live_[A-Za-z0-9]{24}$/),
    fc.stringMatching(/^pk_live_[A-Za-z0-9]{46}$/),
    fc.stringMatching(/^sk_prod_[A-Za-z0-9]{46}$/),
  );
  fc.assert(fc.property(foreign, (text) => expect(isMistypedKey(text)).toBe(false)));
});

test('ends a key with the CRC-32 of what precedes it, in six base62 digits', () => {
  const { text } = generateApiKey('dev');
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const value = text
    .slice(-6)
    .split('')
    .reduce((sum, digit) => sum * 62 + digits.indexOf(digit), 0);
  expect(value).toBe(crc32(text.slice(0, -6)));
});

test('draws every base62 digit equally often', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 2500; i++) {
    for (const digit of generateApiKey('live').text.slice(8, 48)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
  }
  const expected = (2500 * 40) / 62;
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(counts.size).toBe(62);
  // 61 degrees of freedom: a fair source exceeds 131 once in a million runs; byte % 62 alone would give some 300.
  expect(chiSquare).toBeLessThan(131);
});

test('uses another prefix when one is given', () => {
  const { text } = generateApiKey('live', 'acme');
  expect(text).toMatch(/^acme_live_/);
  expect(isMistypedKey(`${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`, 'acme')).toBe(true);
  expect(isMistypedKey(`${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`)).toBe(false);
});

test('hashes a key to the hexadecimal SHA-256 that a shell would print', () => {
  expect(hashApiKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
