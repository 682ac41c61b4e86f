import { expect, test } from '@jest/globals';
import { makeBudgets, makeLines } from '../../../tests/support/limit-lines.ts';
import { buildModelCall } from '../../../tests/support/model-call-builder.ts';
import type { ModelCall } from '../../exchange/model-call.ts';
import type { Charge } from '../../counters/counter-store.ts';
import { type Line, lineAt } from '../../counters/line.ts';
import { MemoryCounters } from '../../counters/memory-counters.ts';
import { Receipt } from './receipt.ts';
import { StreamAllowance } from './stream-allowance.ts';

const NOW_MS = Date.UTC(2026, 10, 20);
const CHUNK = Buffer.from('data: {}\n\n');

/** A stream whose output is what the test says, with 1,124 tokens reserved of the lines. */
function openStream(...written: readonly Line[]) {
  const counters = new MemoryCounters({ nowUs: () => NOW_MS * 1000 });
  const lines = written.map((line) => lineAt(line, NOW_MS));
  const charges = lines.map(
    (line): Charge => ({ line, key: line.key, cost: 1_124, isReserved: line.every !== undefined }),
  );
  const call: ModelCall = buildModelCall('gpt-4');
  const decision = counters.decide(charges);
  const receipt = new Receipt(charges, decision, { counters, nowUs: () => NOW_MS * 1000, onClosed: () => undefined });
  let isSilent = false;
  const decide: MemoryCounters['decide'] = (asked) =>
    isSilent ? { outcome: 'unavailable', verdicts: [] } : counters.decide(asked);
  const allowance = new StreamAllowance({ call, charges, counters: { decide }, receipt });
  return {
    silence: (isOn: boolean): void => void (isSilent = isOn),
    receipt,
    /** False when the stream is over. */
    pass: (outputTokens: number): boolean => {
      call.usage = { inputTokens: 100, outputTokens, isEstimated: true };
      const passed = allowance.write(CHUNK);
      expect(passed.length > 0).toBe(allowance.failure === undefined);
      return allowance.failure === undefined;
    },
    failure: () => allowance.failure,
    left: async () => (await counters.read(charges)) as number[],
  };
}

test('takes nothing more as long as the output stays within what was reserved', async () => {
  const stream = openStream(...makeBudgets({ tokens: 10_000, every: 'day' }));
  for (let tokens = 0; tokens <= 890; tokens += 10) expect(stream.pass(tokens)).toBe(true);
  expect(await stream.left()).toEqual([8_876]);
});

test('takes more as it goes, of every line, and gives back what it did not need', async () => {
  const stream = openStream(
    ...makeBudgets({ tokens: 10_000, every: 'day' }),
    ...makeLines({ limit: 20_000, window: 60_000, count: 'tokens' }),
  );
  for (let tokens = 0; tokens <= 3_000; tokens += 10) expect(stream.pass(tokens)).toBe(true);
  expect(await stream.left()).toEqual([10_000 - 1_124 - 3 * 1_024, 20_000 - 1_124 - 3 * 1_024]);
  stream.receipt.settle({ tokens: 3_100, costNanoUsd: 0 });
  expect(await stream.left()).toEqual([6_900, 16_900]);
});

test('takes the last that is left, and ends the stream when that has passed', async () => {
  const stream = openStream(...makeBudgets({ tokens: 1_500, every: 'day' }));
  let tokens = 0;
  while (tokens < 5_000 && stream.pass(tokens)) tokens += 10;
  // 376 were left beyond the 1,024 of output.
  expect(tokens).toBe(1_410);
  expect(stream.failure()?.code).toBe('BUDGET_EXCEEDED');
  expect(await stream.left()).toEqual([0]);
});

test('a dry run ends nothing', () => {
  const stream = openStream(...makeBudgets({ tokens: 1_500, every: 'day', dry_run: true }));
  for (let tokens = 0; tokens <= 9_000; tokens += 100) expect(stream.pass(tokens)).toBe(true);
});

test('a store that does not answer is asked again; without it the stream ends when what was reserved is used up', () => {
  const stream = openStream(...makeBudgets({ tokens: 10_000, every: 'day' }));
  stream.silence(true);
  for (let tokens = 0; tokens <= 1_020; tokens += 10) expect(stream.pass(tokens)).toBe(true);
  stream.silence(false);
  for (let tokens = 1_030; tokens <= 1_500; tokens += 10) expect(stream.pass(tokens)).toBe(true);
  stream.silence(true);
  let tokens = 1_510;
  while (tokens < 9_000 && stream.pass(tokens)) tokens += 10;
  expect(tokens).toBe(2_050);
  expect(stream.failure()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
});
