import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { normalizeEmail } from './email.ts';

test('is the same for one address however it is typed', () => {
  expect(normalizeEmail('Ada@Example.COM')).toBe('ada@example.com');
  expect(normalizeEmail('jose\u0301@example.com')).toBe(normalizeEmail('JOS\u00c9@example.com'));
});

test('is the same for spellings that look the same', () => {
  for (const spelling of ['\uff21lice@x.com', 'alice@\uff58.com', 'alice@x.com.', 'ALICE@X.COM..', 'alice\uff20x.com'])
    expect(normalizeEmail(spelling)).toBe('alice@x.com');
  expect(normalizeEmail('\ufb01n@x.com')).toBe('fin@x.com');
});

test('takes words of one alphabet, and refuses one that mixes alphabets', () => {
  for (const address of [
    '\u043f\u043e\u0447\u0442\u0430@x.com',
    '\u7530\u4e2d\u3055\u3093-tanaka@x.com',
    '\u03b1\u03b2\u03b3.ada@x.com',
  ])
    expect(normalizeEmail(address)).toBe(address);
  for (const address of ['\u0430da@x.com', 'ada@x.\u0441om', 'ad\u03b1@x.com', '\u13a0da@x.com'])
    expect(() => normalizeEmail(address)).toThrow('alphabets');
});

test('keeps apart what mail servers keep apart', () => {
  expect(normalizeEmail('ada+work@example.com')).not.toBe(normalizeEmail('ada@example.com'));
});

test('changes nothing when applied again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (local) => {
      let once: string;
      try {
        once = normalizeEmail(`${local}@example.com`);
      } catch {
        return;
      }
      expect(normalizeEmail(once)).toBe(once);
    }),
  );
});

test.each([
  '',
  'ada',
  '@example.com',
  'ada@',
  'a@b@c',
  'ada @example.com',
  'ada@example.com\n',
  'a\u0000da@example.com',
  'ada\u200b@example.com',
  'ada\ud800@example.com',
  `${'a'.repeat(251)}@b.c`,
])('refuses %j with VALIDATION_ERROR', (text) => {
  const rejection = expect.objectContaining({ code: 'VALIDATION_ERROR', facts: { param: 'email' } });
  expect(() => normalizeEmail(text)).toThrow(expect.objectContaining({ rejection }));
});
