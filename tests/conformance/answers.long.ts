// Every answer, cut in two at every offset.
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { ANSWERS, cutAt, lengthOf } from './cases/answers.ts';
import { openWireBench, type WireBench } from './wire-bench.ts';

let bench: WireBench;
beforeAll(async () => {
  bench = await openWireBench();
});
afterAll(() => bench.close());

describe.each(Object.entries(ANSWERS))('%s', (_theme, cases) => {
  test.each(cases.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
    for (let offset = 1; offset < lengthOf(each); offset++) await bench.run(cutAt(each, offset));
  });
});
