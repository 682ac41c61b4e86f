import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeCharges, makeLines } from '../../tests/support/limit-lines.ts';
import type { CounterAnswer, CounterCall } from './counter-calls.ts';
import { CounterDesk } from './counter-desk.ts';
import type { Charge } from './counter-store.ts';
import { LinkedCounters } from './linked-counters.ts';
import { MemoryCounters } from './memory-counters.ts';

const LIMITS = [
  { limit: 5, window: 1000 },
  { limit: 200, window: 10_000 },
  { limit: 8, window: 2000, algorithm: 'fixed_window' },
  { limit: 6, window: 1500, algorithm: 'token_bucket' },
] as const;

/** As two processes have it: what travels is text. */
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value ?? null)) as T;

function openPair() {
  const clock = { us: 1_700_000_000_000_000 };
  const nowUs = (): number => clock.us;
  const desk = new CounterDesk(nowUs);
  let batches = 0;
  const ask = (calls: readonly CounterCall[]): Promise<readonly CounterAnswer[]> => {
    batches += 1;
    return Promise.resolve(copy(desk.answer(copy(calls))));
  };
  const open = () => new LinkedCounters({ link: { size: 2, ask }, nowUs });
  return { clock, memory: new MemoryCounters({ nowUs }), one: open(), two: open(), batches: () => batches };
}

const step = fc.record({
  worker: fc.boolean(),
  caller: fc.constantFrom('ada', 'bob'),
  pause: fc.integer({ min: 0, max: 700_000 }),
  cost: fc.constantFrom(1, 1, 1, 2),
  does: fc.constantFrom('decide', 'decide', 'lease', 'adjust'),
});

test('two workers together are told what one process with the same history is told', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const { clock, memory, one, two } = openPair();
      const lines = makeLines(...LIMITS);
      for (const { worker, caller, pause, cost, does } of steps) {
        clock.us += pause;
        const linked = worker ? one : two;
        const charges: Charge[] = makeCharges(lines, caller).map((charge) => ({ ...charge, cost }));
        const [first] = charges as [Charge];
        if (does === 'decide') expect(await linked.decide(charges)).toEqual(memory.decide(charges));
        else if (does === 'lease') {
          const ask = { ...first, need: cost, want: 3, share: 2, holdUs: 100_000 };
          expect(await linked.lease(ask)).toEqual(memory.lease(ask));
        } else {
          const correction = { ...first, units: cost, at: clock.us };
          linked.adjust([correction]);
          memory.adjust([correction]);
          await linked.close();
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('what is asked in one turn of the event loop travels together', async () => {
  const { one, batches } = openPair();
  const charges = makeCharges(makeLines({ limit: 5, window: 1000 }), 'ada');
  const decisions = await Promise.all(Array.from({ length: 20 }, () => one.decide(charges)));
  expect(decisions.filter(({ outcome }) => outcome === 'admitted')).toHaveLength(5);
  expect(batches()).toBe(1);
});

test('without an answer each process admits its share of a limit, and together no more than the limit', async () => {
  const nowUs = (): number => 1_700_000_000_000_000;
  const link = { size: 2, ask: () => Promise.reject(new Error('late')) };
  const charges = makeCharges(makeLines({ limit: 7, window: 1000 }), 'ada');
  let admitted = 0;
  for (const store of [new LinkedCounters({ link, nowUs }), new LinkedCounters({ link, nowUs })])
    for (let i = 0; i < 10; i++) if ((await store.decide(charges)).outcome === 'admitted') admitted += 1;
  expect(admitted).toBe(6);
});
