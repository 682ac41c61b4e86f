// One connection and memory: requests that wait, and bytes behind the last request that is served.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { connectRaw, type RawConnection } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const MANY = 100_000;

let upstream: RawUpstream;
let gateway: TestGateway;

const REQUEST_MADE = 'http.server.request.start';

beforeAll(async () => {
  subscribe(REQUEST_MADE, countMade);
  upstream = await startRawUpstream();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  open: { url: "${upstream.url}", auth: false }
`);
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  unsubscribe(REQUEST_MADE, countMade);
  expect(await gateway.metrics()).not.toMatch(/^gateway_escaped_errors_total\{/m);
  await gateway.close();
  await upstream.close();
});

const get = (target: string, line = ''): string => `GET ${target} HTTP/1.1\r\nHost: g\r\n${line}\r\n`;

/** The answers in order: the target that each of them repeats. */
const answered = ({ bytes }: RawConnection): string[] =>
  [...bytes.toString('latin1').matchAll(/^X-Target: (\S+)\r$/gm)].map(([, target]) => target as string);

/** Every answer waits until the test lets it go, and repeats its target. */
function holdAnswers(): () => void {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  upstream.play(async (call) => {
    await call.received;
    await gate;
    await call.write(`HTTP/1.1 200 OK\r\nX-Target: ${call.request.target}\r\nContent-Length: 0\r\n\r\n`);
  });
  return open;
}

/** Heads that have been made into requests since the test began. */
let made = 0;
const countMade = (): void => void made++;
beforeEach(() => {
  made = 0;
});

/** Waits until the gateway makes no more of what it was sent. */
async function untilNoMoreIsMade(): Promise<void> {
  let last = 0;
  const isSteady = (): boolean => {
    const before = last;
    last = made;
    return before === made && made > 0;
  };
  await until(isSteady, { everyMs: 250 });
}

test('of 100,000 pipelined requests few are held, and those that are answered are so in order', async () => {
  const open = holdAnswers();
  const before = upstream.requests.length;
  const connection = await connectRaw(gateway.url);
  const heap = process.memoryUsage().rss;
  const requests = Array.from({ length: MANY }, (_, i) => get(`/open/${i}`)).join('');
  void connection.send(requests).catch(() => undefined);
  await untilNoMoreIsMade();
  expect(made).toBeLessThan(300);
  expect(process.memoryUsage().rss - heap).toBeLessThan(64 * 1024 * 1024);
  open();
  await until(() => connection.bytes.includes('Connection: close'));
  await connection.closed;
  const targets = answered(connection);
  expect(targets.length).toBeGreaterThan(250);
  expect(targets).toEqual(targets.map((_, i) => `/${i}`));
  expect(upstream.requests.length - before).toBe(targets.length);
  expect(connection.bytes.toString('latin1').match(/^Connection: close\r$/gim)).toHaveLength(1);
});

test('long heads are not read before there is room for them, and nothing of them is lost', async () => {
  const open = holdAnswers();
  const connection = await connectRaw(gateway.url);
  const count = 400;
  const line = `X-Long: ${'x'.repeat(15_000)}\r\n`;
  void connection.send(Array.from({ length: count }, (_, i) => get(`/open/${i}`, line)).join(''));
  await untilNoMoreIsMade();
  expect(made).toBeLessThan(16 + 4 + 6);
  open();
  await until(() => answered(connection).length === count, { timeoutMs: 20_000 });
  expect(answered(connection)).toEqual(Array.from({ length: count }, (_, i) => `/${i}`));
  connection.destroy();
});

test('bytes behind the last request of a connection are made into nothing', async () => {
  const connection = await connectRaw(gateway.url);
  await connection.send(`GET /without-host HTTP/1.1\r\n\r\n${get('/open/x').repeat(MANY / 4)}`).catch(() => undefined);
  await connection.closed;
  connection.destroy();
  expect(connection.bytes.toString('latin1').match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
  expect(made).toBeLessThan(4);
});
