import { describe, expect, test } from '@jest/globals';
import { checkNewPassword, checkPresentedPassword, Passwords } from './passwords.ts';

const refusedWith = (code: string) => expect.objectContaining({ rejection: expect.objectContaining({ code }) });
const noCheck = () => undefined;

describe('a new password', () => {
  test.each(['12345678', 'x'.repeat(128), '\u{1f511}'.repeat(8), 'eight\0ch', 'line\nline'])(
    'may be %j',
    (password) => {
      expect(() => checkNewPassword(password)).not.toThrow();
    },
  );

  test.each(['', '1234567', '\u{1f511}'.repeat(7), 'x'.repeat(129), 'half \ud83d of it'])(
    'may not be %j',
    (password) => {
      expect(() => checkNewPassword(password)).toThrow(refusedWith('VALIDATION_ERROR'));
    },
  );
});

test('a presented password may have 1 KiB, whatever its characters, and not a byte more', () => {
  expect(() => checkPresentedPassword('é'.repeat(512))).not.toThrow();
  expect(() => checkPresentedPassword(`${'é'.repeat(512)}x`)).toThrow(refusedWith('VALIDATION_ERROR'));
});

test('no password matches where there is no hash', async () => {
  await expect(new Passwords().verify('password123', undefined, noCheck)).resolves.toBe(false);
});

test('what is checked when its turn has come can still refuse', async () => {
  const refuse = () => {
    throw new Error('not any more');
  };
  await expect(new Passwords().verify('password123', undefined, refuse)).rejects.toThrow('not any more');
});

test('130 passwords at a time are checked or wait, further ones are OVERLOADED with a wait at once', async () => {
  const passwords = new Passwords();
  const skip = () => {
    throw new Error('skipped');
  };
  const accepted = Array.from({ length: 130 }, (_, i) => passwords.verify('x', undefined, i < 2 ? noCheck : skip));
  const settled = Promise.allSettled(accepted);
  await expect(passwords.hash('x')).rejects.toMatchObject({
    rejection: { code: 'OVERLOADED', facts: { retryAfterSeconds: 1 } },
  });
  const skipped = (await settled).filter(({ status }) => status === 'rejected');
  expect(skipped).toHaveLength(128);
  await expect(passwords.hash('x')).resolves.toContain('$argon2id$');
});

test('hashing leaves the event loop free', async () => {
  const passwords = new Passwords();
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 1);
  await Promise.all(Array.from({ length: 8 }, () => passwords.hash('password123')));
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(10);
});
