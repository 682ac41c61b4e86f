import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';

const API_KEY = 'sk_test_key_of_the_tests';

let upstream: RawUpstream;
let gateway: GatewayProcess;

beforeAll(async () => {
  upstream = await startRawUpstream(() => undefined);
  const config = `services: { shop: { url: "${upstream.url}", idempotency: true, retry: false } }`;
  gateway = await startGatewayProcess({ config, env: { TEST_API_KEY: API_KEY } });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.close();
});

test('a gateway that is killed keeps its keys for a minute, and then they are free', async () => {
  const headers = { 'X-API-Key': API_KEY, 'Idempotency-Key': randomUUID() };
  const ask = () => fetch(`${gateway.url}/shop/orders`, { method: 'POST', headers, body: '{}' });
  ask().catch(() => undefined);
  await until(() => upstream.requests.length === 1);
  const killedAt = performance.now();
  await gateway.kill();
  upstream.play(answerOk);
  await gateway.restart();
  expect((await ask()).status).toBe(409);
  expect(upstream.requests).toHaveLength(1);
  await until(async () => (await ask()).status === 200, { timeoutMs: 65_000, everyMs: 1_000 });
  expect(performance.now() - killedAt).toBeGreaterThan(50_000);
  expect(upstream.requests).toHaveLength(2);
}, 90_000);
