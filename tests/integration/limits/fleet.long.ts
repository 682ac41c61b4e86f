// One limit, three real processes, all asking at once: the smaller version is in shared-limits.test.ts.
import { expect, test } from '@jest/globals';
import { runProgram } from '../../support/child-program.ts';
import { describeWithRedis } from '../../support/server-suite.ts';

const LIMIT = 15_000;
const REQUESTS = 20_000;

/** Prints `ready`, asks when a line arrives, prints what was admitted, and gives back what it holds. */
const PROCESS = `
import { createInterface } from 'node:readline';
import { systemClock } from '%src%/lib/clock.ts';
import { compileLevel } from '%src%/counters/line.ts';
import { openCounters } from '%src%/counters/open-counters.ts';

const [, redisUrl, prefix, mode, requests] = process.argv;
const limit = { limit: ${LIMIT}, window: 600_000, per: ['consumer'], algorithm: 'sliding_window', mode, dry_run: false };
const level = { level: 'service', id: 's', rate_limit: { limits: [limit] } };
const [line] = compileLevel(level, { route: 'r', service: 's' });
const charges = [{ line, key: line.key + '{c=ada}', cost: 1 }];
const store = await openCounters({
  clock: systemClock, redisUrl, prefix, silenceMs: 4_000,
  onStoreFailure: () => 'closed', onState: () => undefined, onFlushed: () => undefined,
});
let asked = 0;
let admitted = 0;
async function ask() {
  while (asked < Number(requests)) {
    asked += 1;
    if ((await store.decide(charges)).outcome === 'admitted') admitted += 1;
    if (asked % 50 === 0) await new Promise(setImmediate);
  }
}
// A heartbeat is needed to know of the others.
setTimeout(async () => {
  await Promise.all(Array.from({ length: 1_000 }, ask));
  console.log(admitted);
  await store.close();
  console.log('closed');
}, 1_500);
`;

describeWithRedis('three processes on one sliding window', (redis) => {
  test.each([
    ['strict', LIMIT],
    // What a process holds when its own requests end is what it may leave unused.
    ['leased', 0.8 * LIMIT],
  ])('admit %s at most the limit of 20,000 requests, and exactly it in the end', async (mode, least) => {
    const prefix = `fleet:${process.pid}:${mode}:`;
    const programs = [1, 2, 3].map(() =>
      runProgram(PROCESS, [redis().url, prefix, mode, String(Math.ceil(REQUESTS / 3))]),
    );
    const counts = await Promise.all(programs.map(async (program) => Number(await program.nextLine())));
    const admitted = counts.reduce((sum, count) => sum + count, 0);
    process.stdout.write(`${mode}: ${admitted} of ${LIMIT} admitted\n`);
    expect(admitted).toBeLessThanOrEqual(LIMIT);
    expect(admitted).toBeGreaterThanOrEqual(least);
    for (const program of programs) expect(await program.nextLine()).toBe('closed');
    const last = runProgram(PROCESS, [redis().url, prefix, 'strict', String(REQUESTS)]);
    expect(admitted + Number(await last.nextLine())).toBe(LIMIT);
    await last.kill();
  });
});
