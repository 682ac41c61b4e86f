import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatNanoUsd } from './nano-usd.ts';

test('billionths of a dollar are written as dollars without a rounding error', () => {
  expect([0n, 150n, 1_500_000_000n, 20_000_000_000n].map(formatNanoUsd)).toEqual(['0', '0.00000015', '1.5', '20']);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 24n }), (nano) => {
      const [whole = '', fraction = ''] = formatNanoUsd(nano).split('.');
      expect(BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))).toBe(nano);
    }),
  );
});
