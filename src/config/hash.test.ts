import { expect, test } from '@jest/globals';
import { Secret } from '../lib/secret.ts';
import { hashForDisplay, hashSection } from './hash.ts';

test('sections that read the same have the same hash, whatever the order of their keys', () => {
  expect(hashSection({ a: 1, b: { c: [1, 2], d: 2 } })).toBe(hashSection({ b: { d: 2, c: [1, 2] }, a: 1 }));
  expect(hashSection({ c: [1, 2] })).not.toBe(hashSection({ c: [2, 1] }));
});

test('a changed secret changes the hash that is kept and not the one that is shown', () => {
  const [one, two] = [{ key: new Secret('one') }, { key: new Secret('two') }];
  expect(hashSection(one)).not.toBe(hashSection(two));
  expect(hashSection(one)).toBe(hashSection({ key: new Secret('one') }));
  expect(hashForDisplay(one)).toBe(hashForDisplay(two));
});
