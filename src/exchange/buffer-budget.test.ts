import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type BufferAccount, BufferBudget } from './buffer-budget.ts';
import { Holding } from './holding.ts';

/** Takes a byte at a time until there is no room. */
function fill(account: BufferAccount): number {
  let taken = 0;
  while (account.take(1)) taken++;
  return taken;
}

describe('what one payer may hold', () => {
  test.each([
    [50, 500],
    [20, 200],
    [99, 990],
    [100, 1_000],
  ])('of a share of %i percent', (share, most) => {
    expect(fill(new BufferBudget(1_000, share).accountOf('a'))).toBe(most);
  });

  test('shrinks while others hold memory', () => {
    const budget = new BufferBudget(1_000, 50);
    expect([fill(budget.accountOf('a')), fill(budget.accountOf('b'))]).toEqual([500, 250]);
  });
});

describe('where many payers have filled a budget together', () => {
  function flooded(): { budget: BufferBudget; evicted: number[] } {
    const budget = new BufferBudget(1_000_000, 50);
    const evicted: number[] = [];
    for (let i = 0; i < 200; i++) {
      const holding = new Holding(budget.accountOf(`flood ${i}`), () => void evicted.push(i));
      while (evicted.length === 0 && holding.add(Math.max(1, Math.floor((budget.limit - budget.usedBytes) / 4))));
    }
    return { budget, evicted };
  }

  test('what is unfinished of those who hold much gives way to those who hold little', () => {
    const { budget, evicted } = flooded();
    const honest = new Holding(budget.accountOf('honest'), () => undefined);
    expect(honest.add(100_000)).toBe(true);
    expect(evicted.length).toBeGreaterThan(0);
    expect(budget.usedBytes).toBeLessThanOrEqual(budget.limit);
  });

  test('what is complete does not', () => {
    const budget = new BufferBudget(1_000, 100);
    const holding = new Holding(budget.accountOf('a'), () => undefined);
    holding.add(1_000);
    holding.complete();
    expect(budget.accountOf('b').take(1)).toBe(false);
    holding.release();
    expect(budget.accountOf('b').take(1)).toBe(true);
  });
});

test('whatever is taken and given back, no payer passes the share, the budget holds, and all of it comes back', () => {
  const step = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: -300, max: 300 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 100 }), (steps, share) => {
      const budget = new BufferBudget(1_000, share);
      for (const [who, bytes] of steps) {
        const account = budget.accountOf(`payer ${who}`);
        if (bytes >= 0) account.take(bytes);
        else account.giveBack(Math.min(-bytes, account.heldBytes));
        expect(account.heldBytes).toBeLessThanOrEqual(share * 10);
        expect(budget.usedBytes).toBeLessThanOrEqual(1_000);
      }
      for (let who = 0; who <= 5; who++) {
        const account = budget.accountOf(`payer ${who}`);
        account.giveBack(account.heldBytes);
      }
      expect(budget.usedBytes).toBe(0);
    }),
  );
});

test('forgets payers who hold nothing, and never one who holds something', () => {
  const budget = new BufferBudget(1_000_000, 50);
  const holder = budget.accountOf('holder');
  holder.take(7);
  for (let i = 0; i < 10_000; i++) budget.accountOf(`passing ${i}`);
  expect(budget.accountOf('holder')).toBe(holder);
  expect(budget.accountOf('passing 0').heldBytes).toBe(0);
});
