import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeBudgets } from '../../../tests/support/limit-lines.ts';
import type { Charge } from '../counter-store.ts';
import { lineAt } from '../line.ts';
import { MemoryCounters } from '../memory-counters.ts';
import { findPeriod } from './period.ts';
import { Receipt } from '../../policies/limits/receipt.ts';

const START_MS = Date.UTC(2026, 10, 20);
const START = START_MS * 1000;
const SECOND = 1_000_000;
const SHORTEST_HOLD = 120 * SECOND;
const LONGEST_HOLD = 150 * SECOND;

/** Asks for tokens of a monthly budget, at times the test chooses. */
class Till {
  now = START;
  readonly counters = new MemoryCounters({ nowUs: () => this.now });
  private readonly charge: Charge;

  constructor(limit: number) {
    const [line] = makeBudgets({ tokens: limit, every: 'month' });
    if (!line) throw new Error('one line is expected');
    const current = lineAt(line, START_MS);
    this.charge = { line: current, key: `${current.key}{c=ada}`, cost: 1, isReserved: true };
  }

  reserve(cost: number): Receipt | undefined {
    const charges = [{ ...this.charge, cost }];
    const decision = this.counters.decide(charges);
    if (decision.outcome !== 'admitted') return undefined;
    return new Receipt(charges, decision, {
      counters: this.counters,
      nowUs: () => this.now,
      onClosed: () => undefined,
    });
  }

  async left(): Promise<number> {
    const [left] = await this.counters.read([this.charge]);
    return left ?? Number.NaN;
  }
}

const step = fc.record({
  does: fc.constantFrom('reserve', 'reserve', 'reserve', 'settle', 'settle', 'renew', 'die'),
  pause: fc.oneof(fc.integer({ min: 0, max: SECOND }), fc.integer({ min: 0, max: 90 * SECOND })),
  cost: fc.integer({ min: 1, max: 60 }),
  used: fc.integer({ min: 0, max: 60 }),
  which: fc.nat(20),
});

interface Held {
  readonly receipt: Receipt;
  readonly cost: number;
  renewedAt: number;
  isDead: boolean;
}

describe('a budget', () => {
  test('never promises a token twice, and refuses nobody while it has enough', () => {
    const histories = fc.array(step, { minLength: 5, maxLength: 60, size: 'max' });
    let refusals = 0;
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 200 }), histories, (limit, steps) => {
        const till = new Till(limit);
        const held: Held[] = [];
        let used = 0;
        const promised = (within: number) =>
          held.reduce((sum, { renewedAt, cost }) => (till.now - renewedAt < within ? sum + cost : sum), used);
        for (const { does, pause, cost, used: wanted, which } of steps) {
          till.now += pause;
          const living = held.filter(({ isDead }) => !isDead);
          const found = living[which % Math.max(1, living.length)];
          if (does === 'reserve') {
            const receipt = till.reserve(cost);
            if (receipt) expect(promised(SHORTEST_HOLD) + cost).toBeLessThanOrEqual(limit);
            else expect(promised(LONGEST_HOLD) + cost).toBeGreaterThan(limit);
            if (receipt) held.push({ receipt, cost, renewedAt: till.now, isDead: false });
            else refusals += 1;
          } else if (found && does === 'settle') {
            const tokens = Math.min(wanted, found.cost);
            found.receipt.settle({ tokens, costNanoUsd: 0 });
            used += tokens;
            held.splice(held.indexOf(found), 1);
          } else if (found && does === 'renew') {
            found.receipt.renew(0);
            found.renewedAt = till.now;
          } else if (found) found.isDead = true;
        }
      }),
      { numRuns: 300 },
    );
    expect(refusals).toBeGreaterThan(300);
  });

  test('counts what was used instead of what was reserved, once', async () => {
    const till = new Till(100);
    const receipt = till.reserve(80);
    expect(await till.left()).toBe(20);
    receipt?.settle({ tokens: 30, costNanoUsd: 0 });
    receipt?.settle({ tokens: 30, costNanoUsd: 0 });
    receipt?.refund('all');
    expect(await till.left()).toBe(70);
  });

  test('counts more than was reserved, and then has nothing left', async () => {
    const till = new Till(100);
    till.reserve(80)?.settle({ tokens: 130, costNanoUsd: 0 });
    expect(await till.left()).toBe(0);
    expect(till.reserve(1)).toBeUndefined();
  });

  test('has everything back when who reserved it has died, and not while they live', async () => {
    const till = new Till(100);
    till.reserve(50);
    const living = till.reserve(50);
    for (let i = 0; i < 4; i += 1) {
      till.now += 40 * SECOND;
      living?.renew(30 * SECOND);
    }
    expect(await till.left()).toBe(50);
    living?.settle({ tokens: 10, costNanoUsd: 0 });
    expect(await till.left()).toBe(90);
  });

  test('counts what a request used that went on after its reservation had ended', async () => {
    const till = new Till(100);
    const receipt = till.reserve(50);
    till.now += 1_000 * SECOND;
    expect(await till.left()).toBe(100);
    receipt?.settle({ tokens: 20, costNanoUsd: 0 });
    expect(await till.left()).toBe(80);
  });

  test('says when it begins anew, and sooner when only running requests are in the way', () => {
    const till = new Till(100);
    const [line] = makeBudgets({ tokens: 100, every: 'month' });
    const charge = { line: lineAt(line as NonNullable<typeof line>, START_MS), key: 'k', cost: 60, isReserved: true };
    till.counters.decide([charge]);
    const [blocked] = till.counters.decide([charge]).verdicts;
    expect(blocked).toMatchObject({ admitted: false, remaining: 40, resetUs: Date.UTC(2026, 11, 1) * 1000 - START });
    expect(blocked?.retryUs).toBeLessThanOrEqual(LONGEST_HOLD);
    const [hopeless] = till.counters.decide([{ ...charge, cost: 101 }]).verdicts;
    expect(hopeless?.retryUs).toBe(Date.UTC(2026, 11, 1) * 1000 - START);
  });
});

test.each([
  ['month', '2026-02-28T23:59:59.999Z', '2026-02', '2026-03-01'],
  ['month', '2026-12-31T12:00:00Z', '2026-12', '2027-01-01'],
  ['day', '2028-02-28T12:00:00Z', '2028-02-28', '2028-02-29'],
] as const)('the %s of %s is %s and ends with %s', (every, at, name, end) => {
  expect(findPeriod(every, Date.parse(at))).toMatchObject({ name, to: Date.parse(end) });
});
