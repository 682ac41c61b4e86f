import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameEdge } from './frame-edge.ts';

/** A binary frame of so many bytes (RFC 6455 section 5.2). */
function frameOf(bytes: number, mask: boolean): Buffer {
  const extended = Buffer.alloc(bytes < 126 ? 0 : bytes < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(bytes);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(bytes));
  const short = bytes < 126 ? bytes : bytes < 65_536 ? 126 : 127;
  const head = Buffer.from([0x82, short | (mask ? 0x80 : 0)]);
  return Buffer.concat([head, extended, Buffer.alloc(mask ? 4 : 0, 9), Buffer.alloc(bytes, 1)]);
}

const sizes = fc.array(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000), { minLength: 1, maxLength: 5 });

test('finds the end of every frame, masked or not, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(sizes, fc.boolean(), fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (lengths, mask, cuts) => {
      const frames = lengths.map((length) => frameOf(length, mask));
      const all = Buffer.concat(frames);
      const places = [0, ...cuts.map((cut) => Math.floor(cut * all.length)).sort((a, b) => a - b), all.length];
      const ends = new Set(frames.map((_, i) => frames.slice(0, i + 1).reduce((sum, { length }) => sum + length, 0)));
      const edge = new FrameEdge();
      for (let i = 1; i < places.length; i++) {
        const [from, to] = [places[i - 1] as number, places[i] as number];
        expect(edge.take(all.subarray(from, to))).toBe(to - from);
        expect(edge.isBetweenFrames).toBe(to === 0 || ends.has(to));
      }
    }),
    { numRuns: 60 },
  );
});

test('stops at the end of a frame when asked to', () => {
  const edge = new FrameEdge();
  const [first, second] = [frameOf(200, true), frameOf(3, true)];
  edge.take(first.subarray(0, 7));
  expect(edge.take(Buffer.concat([first.subarray(7), second]), true)).toBe(first.length - 7);
  expect(edge.isBetweenFrames).toBe(true);
});
