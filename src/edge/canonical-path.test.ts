import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Rejection } from '../errors/rejection.ts';
import { canonicalPath } from './canonical-path.ts';

const SEPARATORS = ['/', '%2f', '%2F', '%252f', '%5c', '\\', '//', ';', '%3b', '%253B'];
const DOTS = ['.', '%2e', '%2E', '%252e', '%25252E'];
const WORDS = [
  'admin',
  '%61dmin',
  'adm%69n',
  'a',
  'A',
  '~',
  '%7E',
  '%7e',
  'x=1',
  '%c3%a9',
  '%C3%A9',
  '%c0%ae',
  '%C0',
  '%e0%80%af',
  '%20',
];
const REFUSED = [
  '%',
  '%z',
  '%zz',
  '%4',
  '%00',
  '%0d',
  '%0A',
  '%1f',
  '%7F',
  '#',
  '?',
  ' ',
  '\t',
  '\u00e9',
  '\u2024',
  '%u002e',
];

const spelling = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...SEPARATORS) },
      { weight: 4, arbitrary: fc.constantFrom(...DOTS) },
      { weight: 6, arbitrary: fc.constantFrom(...WORDS) },
      { weight: 1, arbitrary: fc.constantFrom(...REFUSED) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
    ),
    { maxLength: 9 },
  )
  .map((parts) => `/${parts.join('')}`);

/** The rules once more, one character at a time and without any regard for speed. */
function reference(rawPath: string): { path: string; hasEncodedSlash: boolean; hasEmptySegment: boolean } | 'refused' {
  let path = '';
  let hasEncodedSlash = false;
  for (let i = 0; i < rawPath.length; i++) {
    const character = rawPath[i] as string;
    if (character <= ' ' || character >= '\x7f' || '\\#?'.includes(character)) return 'refused';
    if (character !== '%') {
      path += character;
      continue;
    }
    const digits = rawPath.slice(i + 1, i + 3);
    if (digits.length < 2 || !digits.split('').every((digit) => '0123456789abcdefABCDEF'.includes(digit)))
      return 'refused';
    const decoded = String.fromCharCode(Number(`0x${digits}`));
    if (decoded < ' ' || decoded === '\\' || decoded === '\x7f') return 'refused';
    if (decoded === '/') hasEncodedSlash = true;
    path +=
      encodeURIComponent(decoded) === decoded && !"!'()*".includes(decoded) ? decoded : `%${digits.toUpperCase()}`;
    i += 2;
  }
  if (/%25(?:25)*2f/i.test(path)) hasEncodedSlash = true;
  if (/%(?:C[01]%[89AB]|E0%[89]|F0%8)/.test(path) || showsDots(path)) return 'refused';
  return { path, hasEncodedSlash, hasEmptySegment: rawPath.includes('//') };
}

function showsDots(path: string): boolean {
  let seen = path;
  while (seen.includes('%252')) seen = seen.replaceAll('%252', '%2');
  while (seen.includes('%255')) seen = seen.replaceAll('%255', '%5');
  while (seen.includes('%253')) seen = seen.replaceAll('%253', '%3');
  seen = seen.toUpperCase().replaceAll('%2E', '.').replaceAll('%2F', '/').replaceAll('%5C', '/').replaceAll('%3B', '/');
  return seen
    .replaceAll(';', '/')
    .split('/')
    .some((segment) => segment === '.' || segment === '..');
}

describe('canonicalPath', () => {
  test.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/%61dmin', '/admin'],
    ['/adm%69n/%7e', '/admin/~'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a%3fb%23c%25d', '/a%3Fb%23c%25d'],
    ['/%2541', '/%2541'],
    ['/.well-known/x', '/.well-known/x'],
    ['/.../a..b/..c/d..', '/.../a..b/..c/d..'],
    ['/file;v=1.2', '/file;v=1.2'],
  ])('%s becomes %s', (given, expected) => {
    expect(canonicalPath(given)).toMatchObject({ path: expected, hasEncodedSlash: false, hasEmptySegment: false });
  });

  test.each(
    [
      [
        '',
        'a',
        '*',
        '/a\\b',
        '/a%5cb',
        '/a#b',
        '/a?b',
        '/a b',
        '/a\tb',
        '/caf\u00e9',
        '/\uff0e\uff0e/a',
        '/a\u0000',
        '/a\x7f',
      ],
      ['/%', '/%z', '/%zz', '/%4', '/%u002e', '/%00', '/%0d%0a', '/%1F', '/%7f'],
      [
        '/.',
        '/..',
        '/./a',
        '/a/..',
        '/a/../b',
        '/%2e%2e/b',
        '/.%2E',
        '/%2e',
        '/a/%2e%2e%2fb',
        '/..%2fadmin',
        '/a%2F..',
      ],
      ['/%252e%252e/b', '/%25252e%2e/b', '/..%252fadmin', '/..%255cadmin'],
      ['/%c0%af', '/a%C0%AEb', '/%c1%9c', '/%e0%80%af', '/%E0%9f%bf', '/%f0%80%80%af'],
      ['/..;/b', '/..;x=1/b', '/.;/b', '/a;..', '/a;../b', '/..%3b/b', '/..%253bx/b'],
    ].flat(),
  )('%j is refused as INVALID_PATH', (given) => {
    expect(canonicalPath(given)).toMatchObject({ code: 'INVALID_PATH' });
  });

  test('a slash that is encoded twice or more often is flagged like one that is encoded once', () => {
    for (const path of ['/a%252fb', '/a%252Fb', '/a%25252fb'])
      expect(canonicalPath(path)).toMatchObject({ path, hasEncodedSlash: true });
    for (const path of ['/caf%E9', '/%C0', '/%E0%A0%80', '/%F0%90%80%80'])
      expect(canonicalPath(path)).toMatchObject({ path, hasEncodedSlash: false });
  });

  test('%2F and // are flagged and otherwise left as they are', () => {
    expect(canonicalPath('/a%2fb')).toEqual({ path: '/a%2Fb', hasEncodedSlash: true, hasEmptySegment: false });
    expect(canonicalPath('//a')).toEqual({ path: '//a', hasEncodedSlash: false, hasEmptySegment: true });
    expect(canonicalPath('/%61//')).toEqual({ path: '/a//', hasEncodedSlash: false, hasEmptySegment: true });
  });

  test('10,000 spellings: equal to the reference, idempotent, and never a dot segment', () => {
    let accepted = 0;
    fc.assert(
      fc.property(spelling, (rawPath) => {
        const actual = canonicalPath(rawPath);
        expect(actual instanceof Rejection ? 'refused' : actual).toEqual(reference(rawPath));
        if (actual instanceof Rejection) return;
        accepted++;
        expect(canonicalPath(actual.path)).toEqual(actual);
        expect(decodeURIComponentLoosely(actual.path).split(/[/\\]/)).not.toContain('..');
      }),
      { numRuns: 10_000 },
    );
    expect(accepted).toBeGreaterThan(1_000);
  });

  test('16 KiB of nested escapes are decided in linear time', () => {
    const begun = performance.now();
    expect(canonicalPath(`/%${'25'.repeat(8_000)}2e`)).toMatchObject({ code: 'INVALID_PATH' });
    expect(canonicalPath(`/${'%2525'.repeat(3_000)}`)).toMatchObject({ hasEmptySegment: false });
    expect(performance.now() - begun).toBeLessThan(250);
  });
});

function decodeURIComponentLoosely(path: string): string {
  return path.replace(/%([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
