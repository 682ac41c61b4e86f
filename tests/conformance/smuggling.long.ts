// Families of requests that two parsers may read differently: nothing but what a strict second reading finds goes upstream.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectRaw } from '../support/raw-client.ts';
import { disguisedRequests, mutatedStream } from './smuggling-families.ts';
import { readStrictly } from './strict-reader.ts';
import { openWireBench, type WireBench } from './wire-bench.ts';

const DURATION_MS = 60_000;

let bench: WireBench;
beforeAll(async () => {
  bench = await openWireBench();
});
afterAll(async () => {
  expect(await bench.gateway.metrics()).not.toMatch(/^gateway_escaped_errors_total\{/m);
  await bench.close();
});

interface Outcome {
  readonly statuses: readonly number[];
  /** Targets that the answers name, in order: the upstream says what it answers. */
  readonly answered: readonly string[];
  readonly arrived: readonly { readonly line: string; readonly body: string; readonly isComplete: boolean }[];
  readonly heads: readonly string[];
}

/** Writes the bytes, ends the client's side and waits for the gateway to end its own. */
async function play(bytes: string): Promise<Outcome> {
  const before = bench.upstream.requests.length;
  bench.upstream.play(async (call) => {
    await call.received;
    await call.answer(200, 'ok', { 'X-Line': `${call.request.method} ${call.request.target}` });
  });
  const connection = await connectRaw(bench.gateway.url);
  connection.socket.on('error', () => undefined);
  await connection.send(bytes).catch(() => undefined);
  connection.end();
  await connection.closed;
  connection.destroy();
  const received = connection.bytes.toString('latin1');
  const requests = bench.upstream.requests.slice(before);
  return {
    statuses: [...received.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => Number(status)),
    answered: [...received.matchAll(/^x-line: (.*)\r$/gim)].map(([, line]) => line as string),
    arrived: requests.map(({ method, target, body, isComplete }) => ({
      line: `${method} ${target}`,
      body: body.toString('latin1'),
      isComplete: isComplete === true,
    })),
    heads: requests.map(({ head }) => head.toString('latin1')),
  };
}

/** What arrived whole is what a strict reading finds, each at most once; the answers are to it, in order. */
function check({ answered, arrived, heads }: Outcome, bytes: string): void {
  const wanted = readStrictly(bytes);
  const whole = arrived.filter(({ isComplete }) => isComplete).map(({ line, body }) => JSON.stringify([line, body]));
  expect(notFoundIn(whole.toSorted(), wanted.map(({ line, body }) => JSON.stringify([line, body])).toSorted())).toEqual(
    [],
  );
  expect(arrived.length).toBeLessThanOrEqual(whole.length + 1);
  expect(
    notFoundIn(
      answered,
      wanted.map(({ line }) => line),
    ),
  ).toEqual([]);
  for (const head of heads) {
    const framing = head
      .split('\r\n')
      .filter((line) => /^[^!-~]*(transfer[^a-z]encoding|content[^a-z]length)[^!-9;-~]*:/i.test(line));
    expect(framing.length).toBeLessThanOrEqual(1);
  }
}

/** What does not stand in the list, in the same order; the list may hold more. */
function notFoundIn(some: readonly string[], list: readonly string[]): string[] {
  let from = 0;
  return some.filter((each) => {
    const at = list.indexOf(each, from);
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

test('every disguise of a transfer coding beside a length is refused, or is a field that nobody reads', async () => {
  const requests = disguisedRequests();
  let refused = 0;
  for (const { name, bytes, isOrdinary } of requests) {
    const outcome = await play(bytes);
    const { statuses, arrived } = outcome;
    if (isOrdinary && statuses[0] === 200) {
      expect([name, arrived.length, statuses]).toEqual([name, 1, [200]]);
    } else {
      expect([name, arrived.length, statuses.length]).toEqual([name, 0, 1]);
      expect([400, 501]).toContain(statuses[0]);
      refused++;
    }
  }
  process.stderr.write(`${requests.length} disguised requests, ${refused} refused, 0 smuggled\n`);
  expect(refused).toBeGreaterThan(requests.length / 2);
}, 120_000);

test(
  'mutations from a seed never send more upstream than a strict reading finds, and are answered in order',
  async () => {
    const first = Date.now() % 2 ** 31;
    const until = performance.now() + DURATION_MS;
    const counts = { streams: 0, refused: 0, upstream: 0 };
    for (let seed = first; performance.now() < until; seed++) {
      const bytes = mutatedStream(seed);
      const outcome = await play(bytes);
      try {
        check(outcome, bytes);
      } catch (error) {
        throw new Error(`seed ${seed}: ${JSON.stringify(bytes)}\n${JSON.stringify(outcome)}`, { cause: error });
      }
      counts.streams++;
      counts.upstream += outcome.arrived.length;
      if (outcome.statuses.some((status) => status >= 400)) counts.refused++;
    }
    process.stderr.write(`${JSON.stringify(counts)}, 0 smuggled, 0 out of order\n`);
    expect(counts.streams).toBeGreaterThan(500);
    expect(counts.upstream).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(0);
  },
  DURATION_MS + 60_000,
);
