// The same generator for ten minutes, and the fixed cases in fragments: after each byte, and cut once at every offset.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { CONNECTIONS } from './cases/connections.ts';
import { FOUND, HALF_CLOSED } from './cases/found.ts';
import { FRAMING } from './cases/framing.ts';
import { GRAMMAR } from './cases/grammar.ts';
import { HOSTS } from './cases/hosts.ts';
import { fuzzSequences } from './sequence-fuzzer.ts';
import { openWireBench, type WireBench } from './wire-bench.ts';
import type { WireCase } from './wire-case.ts';

const DURATION_MS = 600_000;
/** Longer ones are only cut in their first bytes: they repeat one character. */
const MOST_OFFSETS = 400;

let bench: WireBench;
beforeAll(async () => {
  bench = await openWireBench();
});
afterAll(() => bench.close());

test(
  'ten minutes of sequences',
  async () => {
    const seed = Date.now() % 2 ** 31;
    expect(await fuzzSequences(bench, { seed, durationMs: DURATION_MS })).toBeGreaterThan(1_000);
    await until(() => bench.gateway.gateway.running.size === 0, { timeoutMs: 10_000 });
    expect(await bench.gateway.metrics()).not.toMatch(/^gateway_escaped_errors_total\{/m);
  },
  DURATION_MS + 60_000,
);

describe.each(Object.entries({ GRAMMAR, FRAMING, HOSTS, CONNECTIONS, HALF_CLOSED, FOUND }))('%s', (_theme, cases) => {
  test.each(cases.map((each) => [each.name, each] as const))('%s, in fragments', async (_name, each) => {
    await bench.run(each, 'bytes');
    for (let offset = 1; offset < Math.min(lengthOf(each), MOST_OFFSETS); offset++) await bench.run(each, offset);
  });
});

/** Of the longest write of the client. */
function lengthOf({ client }: WireCase): number {
  return Math.max(...[client].flat().map((step) => (typeof step === 'string' ? step.length : 0)));
}
