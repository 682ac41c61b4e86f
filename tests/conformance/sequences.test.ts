// Generated sequences of messages, for a few seconds in every run. A failure names its seed and its bytes; what was found
// becomes a case in `cases/found.ts`.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { fuzzSequences } from './sequence-fuzzer.ts';
import { openWireBench, type WireBench } from './wire-bench.ts';

const DURATION_MS = 10_000;

let bench: WireBench;
beforeAll(async () => {
  bench = await openWireBench();
});
afterAll(() => bench.close());

test('answers stay in their order, nothing is smuggled, and nothing is left behind', async () => {
  const seed = Date.now() % 2 ** 31;
  const played = await fuzzSequences(bench, { seed, durationMs: DURATION_MS });
  expect(played).toBeGreaterThan(50);
  await until(() => bench.gateway.gateway.running.size === 0, {
    timeoutMs: 10_000,
    what: `all exchanges after ${seed} end`,
  });
  expect(await bench.gateway.metrics()).not.toMatch(/^gateway_escaped_errors_total\{/m);
  expect(bench.gateway.logged.filter(({ level }) => Number(level) >= 50 || level === 'error')).toEqual([]);
}, 60_000);
