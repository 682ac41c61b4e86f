import { describe, expect, test } from '@jest/globals';
import { hash as hashBcrypt } from '@node-rs/bcrypt';
import { isOutdated, schemeOf } from './password-format.ts';
import { hashPassword, matchesHash } from './password-hash.ts';

/** From the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1`. */
const REFERENCE = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';

describe('a hash of our own', () => {
  test('is argon2id in the PHC format and different each time', () => {
    const [first, second] = [hashPassword('password123'), hashPassword('password123')];
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(first).not.toBe(second);
    expect([schemeOf(first), isOutdated(first)]).toEqual(['argon2id', false]);
  });

  test('tells passwords apart beyond 72 bytes and behind a NUL', () => {
    const hash = hashPassword(`${'b'.repeat(72)}x`);
    expect(matchesHash(`${'b'.repeat(72)}x`, hash)).toBe(true);
    expect(matchesHash(`${'b'.repeat(72)}y`, hash)).toBe(false);
    const withNul = hashPassword('with\0nul behind');
    expect(matchesHash('with\0nul behind', withNul)).toBe(true);
    expect(matchesHash('with\0nul BEHIND', withNul)).toBe(false);
    expect(matchesHash('with', withNul)).toBe(false);
  });

  test('takes composed and decomposed characters for the same password', () => {
    const hash = hashPassword('caf\u00e9 cr\u00e8me');
    expect(matchesHash('cafe\u0301 cre\u0300me', hash)).toBe(true);
  });
});

test('reads what the reference implementation of argon2id writes', () => {
  expect(matchesHash('password', REFERENCE)).toBe(true);
  expect(matchesHash('Password', REFERENCE)).toBe(false);
  expect(isOutdated(REFERENCE)).toBe(false);
});

test('verifies an imported bcrypt hash, asks for a better one, and is not fooled by a NUL', async () => {
  const hash = await hashBcrypt('password123', { cost: 4 });
  expect([schemeOf(hash), isOutdated(hash)]).toEqual(['bcrypt', true]);
  expect(matchesHash('password123', hash)).toBe(true);
  expect(matchesHash('password124', hash)).toBe(false);
  expect(matchesHash('password123\0password123', hash)).toBe(false);
});

test.each([
  '',
  'password123',
  '5f4dcc3b5aa765d61d8327deb882cf99',
  '$2b$31$2zrV1hR7AjmxueSU0oZ5e.VQrAtovNXenT3pWqCCvE2.bf2BvKu8C',
  '$2b$12$short',
  REFERENCE.replace('65536', '999999'),
  REFERENCE.replace('t=2', 't=0'),
  REFERENCE.replace('argon2id', 'argon2i'),
])('matches nothing with the unreadable or unreasonable hash %j', (hash) => {
  expect(schemeOf(hash)).toBeUndefined();
  expect(matchesHash('password', hash)).toBe(false);
});
