import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { ANSWERS, cutAt, lengthOf } from './cases/answers.ts';
import { openWireBench, type WireBench } from './wire-bench.ts';

let bench: WireBench;
beforeAll(async () => {
  bench = await openWireBench();
});
afterAll(() => bench.close());

describe.each(Object.entries(ANSWERS))('%s', (theme, cases) => {
  test.each(cases.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
    await bench.run(each);
    if (theme !== 'invalid') await bench.run(cutAt(each, Math.floor(lengthOf(each) / 2)));
  });
});
