import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileAddressSet, isAddressSetEntry } from './address-set.ts';

describe('compileAddressSet', () => {
  test('holds addresses inside its blocks and none outside', () => {
    const set = compileAddressSet(['10.1.0.0/16', '192.0.2.7', '2001:db8::/32']);
    for (const inside of ['10.1.0.0', '10.1.255.255', '192.0.2.7', '2001:db8:1::1', '::ffff:10.1.2.3']) {
      expect([inside, set(inside)]).toEqual([inside, true]);
    }
    for (const outside of ['10.2.0.0', '192.0.2.8', '2001:db9::1', '::1', '::ffff:10.2.0.1']) {
      expect([outside, set(outside)]).toEqual([outside, false]);
    }
  });

  test('answers the same whether it remembers or not', () => {
    const entries = ['10.1.0.0/16', '2001:db8::/32'];
    const sets = [compileAddressSet(entries), compileAddressSet(entries, { remembered: 0 })];
    for (const address of ['10.1.2.3', '10.1.2.3', '10.2.0.0', '2001:db8::1', 'nonsense'])
      expect(new Set(sets.map((set) => set(address))).size).toBe(1);
  });

  test('the words cover loopback and private ranges of both families', () => {
    const set = compileAddressSet(['loopback', 'private']);
    for (const inside of ['127.9.9.9', '::1', '10.0.0.1', '172.31.0.1', '192.168.1.1', 'fd00::1', 'fe80::1']) {
      expect([inside, set(inside)]).toEqual([inside, true]);
    }
    for (const outside of ['172.32.0.1', '8.8.8.8', '2001:db8::1'])
      expect([outside, set(outside)]).toEqual([outside, false]);
    expect(compileAddressSet(['private'])('127.0.0.1')).toBe(false);
  });

  test('text that is no address is never a member, even of everything', () => {
    const everything = compileAddressSet(['0.0.0.0/0', '::/0']);
    for (const text of ['', 'unknown', '1.2.3', '0x7f.1', '010.0.0.1', '1.2.3.4:80', '[::1]', '_hidden', '1.2.3.4 ']) {
      expect([text, everything(text)]).toEqual([text, false]);
    }
  });

  test.each([
    '',
    '10.0.0.0/33',
    '::/129',
    '10.1',
    '010.0.0.1',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    'localhost',
  ])('%j is refused when compiled', (entry) => {
    expect(() => compileAddressSet([entry])).toThrow(entry);
    expect(isAddressSetEntry(entry)).toBe(false);
  });

  test('agrees with arithmetic on every IPv4 prefix', () => {
    const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(address, address, fc.integer({ min: 1, max: 32 }), (base, candidate, bits) => {
        const set = compileAddressSet([`${dotted(base)}/${bits}`]);
        expect(set(dotted(candidate))).toBe(base >>> (32 - bits) === candidate >>> (32 - bits));
        expect(set(dotted(base))).toBe(true);
      }),
    );
  });
});

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
