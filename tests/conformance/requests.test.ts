import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { REQUEST_CASES } from './cases/requests.ts';
import { openWireBench, type WireBench } from './wire-bench.ts';

let bench: WireBench;
beforeAll(async () => {
  bench = await openWireBench();
});
afterAll(async () => {
  expect(await bench.gateway.metrics()).not.toMatch(/^gateway_escaped_errors_total\{/m);
  await bench.close();
});

describe('one message', () => {
  test.each(REQUEST_CASES.map((each) => [each.name, each] as const))('%s', async (_name, each) => bench.run(each));
});
