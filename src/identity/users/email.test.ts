import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { normalizeEmail } from './email.ts';

test('is the same for one address however it is typed', () => {
  expect(normalizeEmail('Ada@Example.COM')).toBe('ada@example.com');
  expect(normalizeEmail('jose\u0301@example.com')).toBe(normalizeEmail('JOS\u00c9@example.com'));
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
