import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { quote } from '../usage-row.ts';
import { type FrameKind, readFrames, sizeOf, writeFrame } from './frame.ts';

interface Entry {
  readonly kind: FrameKind;
  readonly id: string;
  readonly text: string;
}

const id = fc.stringMatching(/^[0-9a-f]{24}$/);
const kind = fc.constantFrom<FrameKind>('opened', 'settled', 'void');
const entry: fc.Arbitrary<Entry> = fc
  .tuple(kind, id, fc.string({ unit: 'binary' }))
  .map(([kind, id, text]) => ({ kind, id, text: `["${id}",${quote(text)}]` }));
const entries = fc.array(entry, { minLength: 1, maxLength: 12 });

describe('a journal', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(entries, (written) => {
        expect(read(write(written).bytes)).toEqual(written);
      }),
    );
  });

  test('cut off anywhere loses no record but the one that was cut', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (written, seed) => {
        const { bytes, ends } = write(written);
        const cut = seed % bytes.length;
        expect(read(bytes.subarray(0, cut))).toEqual(written.filter((_, i) => (ends[i] as number) <= cut));
      }),
    );
  });

  test('damaged anywhere loses no record but those that were damaged', () => {
    const damage = fc.record({ at: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }) });
    fc.assert(
      fc.property(entries, damage, (written, { at, bytes: noise }) => {
        const { bytes, ends } = write(written);
        const from = at % bytes.length;
        const damaged = Buffer.from(bytes);
        Buffer.from(noise).copy(damaged, from);
        const to = Math.min(from + noise.length, bytes.length);
        const whole = written.filter((_, i) => (ends[i] as number) <= from || (ends[i - 1] ?? 0) >= to);
        const found = read(damaged);
        expect(found).toEqual(expect.arrayContaining(whole));
        // Noise may happen to be what stood there before; it can never make a record that nobody wrote.
        expect(written).toEqual(expect.arrayContaining(found));
      }),
    );
  });

  test('followed by noise ends with its last record', () => {
    fc.assert(
      fc.property(entries, fc.uint8Array(), (written, noise) => {
        expect(read(Buffer.concat([write(written).bytes, noise]))).toEqual(written);
      }),
    );
  });
});

function write(written: readonly Entry[]): { bytes: Buffer; ends: number[] } {
  const bytes = Buffer.alloc(written.reduce((size, { text }) => size + sizeOf(text), 0));
  let at = 0;
  const ends = written.map(({ kind, text }) => {
    writeFrame(bytes, at, kind, text);
    at += sizeOf(text);
    return at;
  });
  return { bytes, ends };
}

function read(bytes: Buffer): Entry[] {
  return [...readFrames(bytes)].map(({ kind, id, from, to }) => ({ kind, id, text: bytes.toString('utf8', from, to) }));
}
