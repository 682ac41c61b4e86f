import { describe, expect, test } from '@jest/globals';
import { makeCharges, makeLines } from '../../tests/support/limit-lines.ts';
import { MemoryCounters } from './memory-counters.ts';

const START = 1_790_000_000_000_000;

function openAt(start = START, mostKeys?: number) {
  const clock = { now: start };
  const counters = new MemoryCounters({ nowUs: () => clock.now, ...(mostKeys === undefined ? {} : { mostKeys }) });
  return { clock, counters };
}

describe('counts in memory', () => {
  test('charge every line of a request or none', () => {
    const { counters } = openAt();
    const [wide, narrow] = makeLines({ limit: 10, window: 60_000 }, { limit: 2, window: 3_600_000 });
    if (!wide || !narrow) throw new Error('no lines');
    const outcomes = Array.from({ length: 5 }, () => counters.decide(makeCharges([wide, narrow], 'ada')).outcome);
    expect(outcomes).toEqual(['admitted', 'admitted', 'refused', 'refused', 'refused']);
    expect(counters.decide(makeCharges([wide], 'ada')).verdicts[0]?.remaining).toBe(10 - 3);
  });

  test('let a dry-run line refuse nothing, count what it admits, and say what it would have refused', () => {
    const { counters } = openAt();
    const lines = makeLines({ limit: 9, window: 60_000 }, { limit: 1, window: 1_000, dry_run: true });
    const first = counters.decide(makeCharges(lines, 'ada'));
    const second = counters.decide(makeCharges(lines, 'ada'));
    expect([first.outcome, second.outcome]).toEqual(['admitted', 'admitted']);
    expect(first.verdicts.map((verdict) => verdict?.admitted)).toEqual([true, true]);
    expect(second.verdicts.map((verdict) => verdict?.admitted)).toEqual([true, false]);
    expect(second.verdicts[0]?.remaining).toBe(7);
  });

  test('forget counts that are as new again, without being asked', () => {
    const { clock, counters } = openAt();
    const lines = makeLines({ limit: 5, window: 1_000 });
    for (let i = 0; i < 10_000; i += 1) {
      clock.now += 10_000;
      counters.decide(makeCharges(lines, `caller-${i}`));
    }
    expect(counters.size).toBeLessThan(250);
  });

  test('never hold more than the most they may, and keep those in use', () => {
    const { counters } = openAt(START, 100);
    const lines = makeLines({ limit: 1_000_000, window: 3_600_000 });
    for (let i = 0; i < 5_000; i += 1) {
      counters.decide(makeCharges(lines, `caller-${i}`));
      counters.decide(makeCharges(lines, 'regular'));
      expect(counters.size).toBeLessThanOrEqual(100);
    }
    expect(counters.decide(makeCharges(lines, 'regular')).verdicts[0]?.remaining).toBe(1_000_000 - 5_001);
  });

  test('hold nothing for a request that was refused', () => {
    const { counters } = openAt();
    const lines = makeLines({ limit: 1, window: 60_000, per: ['global'] }, { limit: 9, window: 1_000 });
    counters.decide(makeCharges(lines, 'ada'));
    const before = counters.size;
    const shared = makeCharges(lines, 'ada')[0];
    const own = makeCharges(lines, 'bo')[1];
    if (!shared || !own) throw new Error('no charges');
    expect(counters.decide([shared, own]).outcome).toBe('refused');
    expect(counters.size).toBe(before);
  });
});

describe('a denial', () => {
  test('is known without a decision until its time, and not after', () => {
    const { clock, counters } = openAt();
    const charges = makeCharges(makeLines({ limit: 1, window: 60_000 }), 'ada');
    counters.decide(charges);
    expect(counters.hasDenials).toBe(false);
    const refused = counters.decide(charges);
    clock.now += 20_000_000;
    expect(counters.peek(charges)?.verdicts[0]?.retryUs).toBe((refused.verdicts[0]?.retryUs ?? 0) - 20_000_000);
    clock.now += 40_000_000;
    expect(counters.peek(charges)).toBeUndefined();
    expect(counters.decide(charges).outcome).toBe('admitted');
  });

  test('binds nobody else, and not after the number of the limit was edited', () => {
    const { counters } = openAt();
    const lines = makeLines({ limit: 1, window: 60_000 });
    counters.decide(makeCharges(lines, 'ada'));
    counters.decide(makeCharges(lines, 'ada'));
    expect(counters.peek(makeCharges(lines, 'ada'))?.outcome).toBe('refused');
    expect(counters.peek(makeCharges(lines, 'bo'))).toBeUndefined();
    const raised = makeCharges(makeLines({ limit: 2, window: 60_000 }), 'ada');
    expect(counters.peek(raised)).toBeUndefined();
    expect(counters.decide(raised).outcome).toBe('admitted');
  });
});
