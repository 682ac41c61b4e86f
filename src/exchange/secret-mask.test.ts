import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SecretMask } from './secret-mask.ts';

const SECRET = 'sk-sk-sk-secret';

test('a secret is hidden wherever the pieces break, and nothing else is', () => {
  const texts = fc.array(fc.constantFrom('s', 'k', '-', 'sk-sk-', 'secret', SECRET, ' '), { maxLength: 12 });
  fc.assert(
    fc.property(texts, fc.array(fc.nat({ max: 9 }), { maxLength: 40 }), (parts, cuts) => {
      const text = parts.join('');
      const mask = SecretMask.of(`Bearer ${SECRET}`) as SecretMask;
      const passed: Buffer[] = [];
      let at = 0;
      for (const size of cuts) passed.push(mask.write(Buffer.from(text.slice(at, (at += size)))));
      passed.push(mask.write(Buffer.from(text.slice(at))), mask.end());
      expect(Buffer.concat(passed).toString()).toBe(text.replaceAll(SECRET, '*'.repeat(SECRET.length)));
    }),
  );
});

test('what is too short to be told from words is not looked for', () => {
  expect(SecretMask.of('Bearer key')).toBeUndefined();
});
