import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { closestWord } from './closest-word.ts';

test.each([
  ['windw', ['limit', 'window', 'burst'], 'window'],
  ['rate_limt', ['rate_limit', 'retry'], 'rate_limit'],
  ['tiemout', ['timeout', 'total'], 'timeout'],
  ['Url', ['url', 'uri'], 'url'],
])('%s is taken for one of %p', (word, candidates, meant) => expect(closestWord(word, candidates)).toBe(meant));

test.each([
  ['ip', ['id', 'is']],
  ['models', ['cors', 'routes']],
  ['', ['a']],
])('%p resembles none of %p', (word, candidates) => expect(closestWord(word, candidates)).toBeUndefined());

test('a word with two neighbours swapped is found again', () => {
  const words = fc.stringMatching(/^[a-z]{5,12}$/);
  fc.assert(
    fc.property(words, fc.nat(), (word, seed) => {
      const at = seed % (word.length - 1);
      const typo = word.slice(0, at) + word[at + 1] + word[at] + word.slice(at + 2);
      expect(closestWord(typo, [word])).toBe(word);
    }),
  );
});
