import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { escapeControls } from './escape-controls.ts';

test('spells out every character that could steer a terminal or begin a line', () => {
  expect(escapeControls('a\x1b[31mb\nc\x9b2J\u2028')).toBe('a\\x1b[31mb\\x0ac\\x9b2J\\u2028');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(escapeControls(text)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    }),
  );
});

test('leaves all other text as it is', () => {
  expect(escapeControls('naïve café – ✓')).toBe('naïve café – ✓');
});
