import { expect, test } from '@jest/globals';
import { createRandomHex } from './random-hex.ts';

test('every text is new and has its digits, also past one filling of the buffer', () => {
  const next = createRandomHex(24);
  const texts = Array.from({ length: 1000 }, next);
  expect(new Set(texts).size).toBe(1000);
  expect(texts.every((text) => /^[0-9a-f]{24}$/.test(text))).toBe(true);
});
