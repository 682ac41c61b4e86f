import { expect, test } from '@jest/globals';
import { isSameAuthority, parseHost } from './authority.ts';

test.each([
  ['example.com', 'example.com'],
  ['API.Example.com:8000', 'api.example.com'],
  ['my_service', 'my_service'],
  ['a:', 'a'],
  ['example.com.', 'example.com'],
  ['example.com.:443', 'example.com'],
  ['[::1]:', '[::1]'],
  ['127.0.0.1:65535', '127.0.0.1'],
  ['[::1]', '[::1]'],
  ['[2001:DB8::1]:80', '[2001:db8::1]'],
])('%s is the host %s', (authority, host) => expect(parseHost(authority)).toBe(host));

test.each(
  [
    [
      '',
      ':',
      ':80',
      '.',
      '..',
      '.a',
      'a..b',
      'a..',
      '..examp-LE.com',
      'a:x',
      'a:65536',
      'a:123456',
      'a:1:2',
      'a:-1',
      'a: 1',
      ' a',
      'a b',
      'a,b',
      'a/b',
      'a?b',
      'a#b',
    ],
    ['u@a', 'a%2eb', 'a\\b', 'caf\u00e9', 'a;b', 'a&b', '::1', '[::1', '::1]', '[]', '[a]', '[::1]x', '[::1]:x'],
    ['[fe80::1%25eth0]', '[1.2.3.4]', '[::1]:99999', '[::1]:1\n'],
  ].flat(),
)('%j names no host', (authority) => expect(parseHost(authority)).toBeUndefined());

test.each([
  ['h', 'H', 'http', true],
  ['h:80', 'h', 'http', true],
  ['h:', 'h:80', 'http', true],
  ['h:443', 'h', 'https', true],
  ['[::1]:080', '[::1]', 'http', true],
  ['h.', 'h', 'http', true],
  ['h:443', 'h', 'http', false],
  ['h:81', 'h:82', 'http', false],
  ['h', 'i', 'http', false],
  ['h', '', 'http', false],
])('%s and %s under %s: the same is %s', (one, other, scheme, isSame) => {
  expect(isSameAuthority(one, other, scheme)).toBe(isSame);
  expect(isSameAuthority(other, one, scheme)).toBe(isSame);
});
