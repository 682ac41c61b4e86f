// How fast a client must send its body: by default, as a route says, and not at all.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { connectRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream((call) => call.received.then(() => call.answer(200, 'ok')));
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  brisk: { url: "${upstream.url}", auth: false, timeout: { upload_idle: 200ms } }
  patient: { url: "${upstream.url}", auth: false, timeout: { upload_idle: off, upload_rate: off } }
`);
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const head = (path: string, framing: string): string => `POST ${path} HTTP/1.1\r\nHost: g\r\n${framing}\r\n\r\n`;

test.each([
  ['a short body', 'Content-Length: 10'],
  ['a long one', 'Content-Length: 1000000'],
  ['a chunked one', 'Transfer-Encoding: chunked'],
])('%s that pauses is 408, and says nothing of the upstream', async (_name, framing) => {
  const connection = await connectRaw(gateway.url);
  const failuresBefore = (await gateway.metrics()).match(/^gateway_retries_total.*$/gm) ?? [];
  await connection.send(head('/brisk/x', framing));
  await connection.send(framing.startsWith('Transfer') ? '3\r\nabc\r\n' : 'abc');
  const answer = await connection.read();
  expect(answer).toMatchObject({ status: 408 });
  expect(answer.text).toContain('REQUEST_TIMEOUT');
  expect((await gateway.metrics()).match(/^gateway_retries_total.*$/gm) ?? []).toEqual(failuresBefore);
  connection.destroy();
});

test('a route without a pace waits as long as the client likes', async () => {
  const connection = await connectRaw(gateway.url);
  const before = upstream.requests.length;
  await connection.send(`${head('/patient/x', 'Transfer-Encoding: chunked')}3\r\nabc\r\n`);
  await until(() => upstream.requests.length > before);
  const begun = performance.now();
  await until(() => performance.now() - begun > 500);
  await connection.send('3\r\ndef\r\n0\r\n\r\n');
  expect(await connection.read()).toMatchObject({ status: 200 });
  expect(upstream.requests.at(-1)?.body.toString()).toBe('abcdef');
  connection.destroy();
});
