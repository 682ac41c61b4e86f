import { expect, test } from '@jest/globals';
import { nameTargets } from './target-names.ts';

const named = (...urls: string[]): string[] => nameTargets(urls.map((url) => new URL(url)));

test('an address is named by host and port, the usual port of its scheme included', () => {
  expect(named('http://a', 'https://a', 'http://[::1]:8080/base')).toEqual(['a:80', 'a:443', '[::1]:8080']);
});

test('no two addresses of a service share a name, whatever they differ in', () => {
  expect(named('https://a/x', 'https://a/y', 'https://b', 'https://a/x')).toEqual([
    'a:443',
    'a:443~2',
    'b:443',
    'a:443~3',
  ]);
});
