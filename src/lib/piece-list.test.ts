import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PieceList } from './piece-list.ts';

describe('a list of pieces', () => {
  test('gives back every byte in its order, however it was cut', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 5 }), { maxLength: 1_000, size: 'max' });
    fc.assert(
      fc.property(pieces, (cut) => {
        const list = new PieceList();
        for (const piece of cut) list.add(Buffer.from(piece));
        const whole = Buffer.concat(cut);
        expect(list.bytes).toBe(whole.length);
        expect(list.take().equals(whole)).toBe(true);
        expect([list.bytes, list.take().length]).toEqual([0, 0]);
      }),
      { numRuns: 30 },
    );
  });

  test('hands a single piece over as it is', () => {
    const list = new PieceList();
    const piece = Buffer.from('all there is');
    list.add(piece);
    expect(list.take()).toBe(piece);
  });

  test('keeps no buffer per byte of a text that comes byte by byte', () => {
    const list = new PieceList();
    const before = process.memoryUsage().heapUsed;
    const source = Buffer.alloc(1_000_000);
    for (let i = 0; i < source.length; i++) list.add(source.subarray(i, i + 1));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60 * 1024 * 1024);
    expect(list.take()).toHaveLength(source.length);
  });
});
