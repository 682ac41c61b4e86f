import { expect, test } from '@jest/globals';
import { generateApiKey } from '../../src/identity/api-key-format.ts';
import { expectNoLeak } from './secret-leaks.ts';

const { text: key, prefix } = generateApiKey('live');

test.each([
  ['a planted secret', 'x canary-0123 y'],
  ['an issued key', `"key":"${key}"`],
  ['an access token', `Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhYmMifQ.${'a'.repeat(43)}`],
  ['a refresh token', `rt_${'a'.repeat(43)}`],
])('a line with %s fails, and the failure does not repeat it', (_name, line) => {
  const search = (): void => expectNoLeak('the log', ['harmless', line], ['canary-0123']);
  expect(search).toThrow('<SECRET>');
  expect(search).not.toThrow(key);
});

test('what only names a secret passes', () => {
  expectNoLeak('the log', [`${prefix}…`, 'rt_short', 'eyJhbGciOiJIUzI1NiJ9'], ['canary-0123', 'short']);
});
