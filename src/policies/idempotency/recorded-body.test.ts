import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BufferBudget } from '../../exchange/buffer-budget.ts';
import { RecordedBody } from './recorded-body.ts';

const KIB = 1024;

test('holds exactly what was appended while that fits, and never more memory than the limit', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 9 * KIB }), { maxLength: 8 });
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 40 * KIB }), (parts, limit) => {
      const budget = new BufferBudget(Number.MAX_SAFE_INTEGER);
      const body = new RecordedBody(limit, budget.accountOf('somebody'));
      for (const part of parts) body.append(Buffer.from(part));
      const all = Buffer.concat(parts);
      expect(body.isWhole).toBe(all.length <= limit);
      expect(body.bytes.equals(body.isWhole ? all : Buffer.alloc(0))).toBe(true);
      expect(budget.usedBytes).toBeLessThanOrEqual(limit);
      body.drop();
      body.drop();
      expect(budget.usedBytes).toBe(0);
    }),
  );
});

test('gives up when all recordings together hold too much, and gives its memory back', () => {
  const budget = new BufferBudget(10 * KIB);
  const recordFor = (payer: string) => new RecordedBody(9 * KIB, budget.accountOf(payer));
  const [first, second] = [recordFor('one'), recordFor('two')];
  first.append(Buffer.alloc(6 * KIB));
  second.append(Buffer.alloc(3 * KIB));
  second.append(Buffer.alloc(3 * KIB));
  expect([first.isWhole, second.isWhole]).toEqual([true, false]);
  expect(budget.usedBytes).toBe(6 * KIB);
});
