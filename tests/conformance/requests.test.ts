import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CONNECTIONS, VERDICTS } from './cases/connections.ts';
import { FOUND, HALF_CLOSED } from './cases/found.ts';
import { FRAMING } from './cases/framing.ts';
import { GRAMMAR } from './cases/grammar.ts';
import { HOSTS } from './cases/hosts.ts';
import { openWireBench, type WireBench } from './wire-bench.ts';

let bench: WireBench;
beforeAll(async () => {
  bench = await openWireBench();
});
afterAll(async () => {
  expect(await bench.gateway.metrics()).not.toMatch(/^gateway_escaped_errors_total\{/m);
  await bench.close();
});

describe.each(Object.entries({ GRAMMAR, FRAMING, HOSTS, CONNECTIONS, VERDICTS, HALF_CLOSED, FOUND }))(
  '%s',
  (_theme, cases) => {
    test.each(cases.map((each) => [each.name, each] as const))('%s', async (_name, each) => bench.run(each));
  },
);
