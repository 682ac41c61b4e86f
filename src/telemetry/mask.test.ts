import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMask, MASK_KINDS, type MaskKind } from './mask.ts';

const mask = createMask(MASK_KINDS);

const digit = fc.constantFrom(...Array.from('0123456789'));
const letter = fc.constantFrom(...Array.from('abcdefghijklmnopqrstuvwxyzéß'));

function digits(length: number): fc.Arbitrary<string> {
  return fc.string({ unit: digit, minLength: length, maxLength: length });
}

function joined(...groups: number[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom('-', ' ', '%20'), ...groups.map(digits))
    .map(([separator, ...parts]) => (parts as string[]).join(separator as string));
}

const PLANTED: Readonly<Record<MaskKind, fc.Arbitrary<string>>> = {
  email: fc
    .tuple(
      fc.string({
        unit: fc.oneof(letter, digit, fc.constantFrom('.', '_', '+', '-', '%')),
        minLength: 1,
        maxLength: 64,
      }),
      fc.constantFrom('@', '%40'),
      fc.domain(),
    )
    .map((parts) => parts.join('')),
  phone: fc.oneof(
    digits(9).map((rest) => `+90${rest}`),
    digits(10).map((all) => `%2B1${all}`),
    joined(3, 3, 4),
    fc.tuple(digits(3), digits(3), digits(4)).map(([area, office, line]) => `(${area}) ${office}-${line}`),
    fc.tuple(digits(3), digits(3), digits(4)).map((parts) => parts.join('.')),
    fc.tuple(digits(3), digits(3), digits(2), digits(2)).map((parts) => `0${parts.join(' ')}`),
  ),
  ssn: fc.oneof(joined(3, 2, 4), digits(9)),
  account_number: fc.oneof(
    fc.integer({ min: 8, max: 30 }).chain(digits),
    joined(4, 4, 4, 4),
    joined(4, 6, 5),
    fc.tuple(digits(2), digits(16)).map(([check, number]) => `GB${check}${number}`),
    fc.tuple(digits(2), digits(16)).map(([check, number]) => `DE${check} ${(number.match(/.{4}/g) ?? []).join(' ')}`),
  ),
};

const surrounding = fc.stringMatching(/^[a-z /:=,"]{0,20}$/);

describe('createMask', () => {
  test.each(MASK_KINDS)('lets no planted %s survive in any surrounding text', (kind) => {
    const only = createMask([kind]);
    fc.assert(
      fc.property(PLANTED[kind], surrounding, surrounding, (secret, before, after) => {
        for (const masked of [only, mask].map((apply) => apply(`${before} ${secret} ${after}`))) {
          expect(masked).not.toContain(secret);
          expect(longestDigitRun(masked)).toBeLessThan(4);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('names what it hid', () => {
    expect(mask('bob@example.com, +44 20 7946 0958, 078-05-1120, 4111 1111 1111 1111')).toBe(
      '[email], [phone], [ssn], [account_number]',
    );
  });

  test('hides inside a path segment and keeps the rest of the path', () => {
    expect(mask('/users/bob@example.com/orders/17')).toBe('/users/[email]/orders/17');
    expect(mask('/users/bob%40example.com/orders')).toBe('/users/[email]/orders');
    expect(mask('/accounts/12345678/items')).toBe('/accounts/[account_number]/items');
  });

  test('leaves addresses, identifiers and small numbers alone', () => {
    for (const text of [
      'connect ECONNREFUSED 192.168.10.20:5001',
      '/jobs/550e8400-e29b-41d4-a716-446655440000/result',
      'req_8f3kd02kd9a0 took 1234 ms',
      '/service1/v2/orders/1234567',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
      '2026-11-21 10:30:00',
    ])
      expect(mask(text)).toBe(text);
  });

  test('hides only the kinds that are asked for', () => {
    expect(createMask(['email'])('bob@example.com 4111111111111111')).toBe('[email] 4111111111111111');
    expect(createMask([])('bob@example.com')).toBe('bob@example.com');
  });

  test('takes time in proportion to the length of the text, whatever the text', () => {
    const hostile = [
      'a',
      'a.',
      '%40',
      'a%40',
      '1',
      '1 ',
      '12-',
      '123-',
      '(123) ',
      '+1',
      'AB12',
      '1.',
      'a@',
      '+',
      '%20',
      '123-45-',
    ];
    for (const unit of hostile) {
      // Takes about 10 ms; a pattern that is quadratic somewhere takes many seconds.
      expect([unit, cpuSeconds(unit.repeat(100_000 / unit.length)) < 1]).toEqual([unit, true]);
    }
  });
});

function longestDigitRun(text: string): number {
  return Math.max(0, ...(text.match(/\d+/g) ?? []).map((run) => run.length));
}

/** CPU of this thread, which a busy machine does not stretch as it does the clock on the wall. */
function cpuSeconds(text: string): number {
  const before = process.threadCpuUsage();
  mask(`x@y.z 1234567 ${text}`);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1e6;
}

test.each(['0.0.0.0@a.aa', '10.0.0.1x@a.aa', '123e4567-e89b-42d3-a456-426614174000@a.aa'])(
  'an e-mail address that begins like something kept is hidden: %s',
  (text) => {
    expect(createMask(['email'])(`by ${text}, from 10.0.0.1`)).toBe('by [email], from 10.0.0.1');
  },
);
