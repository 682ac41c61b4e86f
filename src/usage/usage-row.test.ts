import { describe, expect, test } from '@jest/globals';
import { storable } from './usage-row.ts';

describe('a text that others chose', () => {
  test('is stored as it is where it can be', () => {
    expect([storable('alice'), storable('ålice')]).toEqual(['alice', 'ålice']);
  });

  test('is stored without what no database keeps', () => {
    expect(storable('a\0b\ud800')).toBe('ab\ufffd');
  });

  test('is not taken for another that only ends differently', () => {
    const [one, other] = ['one', 'other'].map((end) => storable(`issuer:${'x'.repeat(230)}${end}`));
    expect(one).not.toBe(other);
    expect(one).toHaveLength(200);
  });
});
