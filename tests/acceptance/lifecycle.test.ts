// What an operator does to a running gateway: reload it, kill it, stop it.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startEcho } from '../../services/echo/server.ts';
import type { RunningService } from '../../services/http-service.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

let echo: RunningService;
let gateway: GatewayProcess;

function configWith(limit: number): string {
  return `services:\n  echo:\n    url: "${echo.url}"\n    rate_limit: ${limit}\n`;
}

beforeEach(async () => {
  echo = await startEcho({ port: 0 });
  gateway = await startGatewayProcess({ config: configWith(1_000_000) });
});
afterEach(async () => {
  await gateway.stop();
  await echo.close();
});

function call(key: string, path = '/echo/'): Promise<Response> {
  return fetch(gateway.url + path, { headers: { 'x-api-key': key } });
}

function reload(): Promise<Response> {
  return fetch(`${gateway.url}/admin/reload`, { method: 'POST', headers: { 'x-master-key': gateway.masterKey } });
}

test('20 reloads under load fail no request', async () => {
  const key = await gateway.generateKey('load');
  const load = { isOver: false, statuses: new Map<number, number>() };
  const workers = Array.from({ length: 8 }, async () => {
    while (!load.isOver) {
      const res = await call(key);
      await res.arrayBuffer();
      load.statuses.set(res.status, (load.statuses.get(res.status) ?? 0) + 1);
    }
  });
  try {
    for (let n = 1; n <= 20; n += 1) {
      const before = load.statuses.get(200) ?? 0;
      gateway.writeConfig(configWith(1_000_000 + n));
      expect((await reload()).status).toBe(200);
      await until(() => (load.statuses.get(200) ?? 0) > before + 5);
    }
  } finally {
    load.isOver = true;
  }
  await Promise.all(workers);
  expect([...load.statuses.keys()]).toEqual([200]);
}, 30_000);

test('a new file takes effect at SIGHUP, which ends nothing', async () => {
  const key = await gateway.generateKey('test');
  gateway.writeConfig(configWith(7));
  gateway.signal('SIGHUP');
  await until(async () => (await call(key)).headers.get('x-ratelimit-limit') === '7');
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
});

test('a wrong file does not replace a running configuration, and is reported', async () => {
  const key = await gateway.generateKey('test');
  gateway.writeConfig('services: { echo: { ulr: "x" } }');
  const refused = await reload();
  expect(refused.status).toBeGreaterThanOrEqual(400);
  expect(await refused.text()).toContain('ulr');
  expect((await call(key)).status).toBe(200);
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toContain('gateway_config_reload_success 0');
});

test('every key that was acknowledged before a kill works after the restart', async () => {
  const keys: string[] = [];
  const writers = Array.from({ length: 4 }, async (_none, n) => {
    for (;;) keys.push(await gateway.generateKey(`owner-${n}`));
  });
  await until(() => keys.length >= 20);
  await gateway.kill();
  await Promise.allSettled(writers);
  await gateway.restart();
  const statuses = await Promise.all(keys.map(async (key) => (await call(key)).status));
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
});

test('SIGTERM lets a request in flight finish and exits with 0', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const upstream = await startRawUpstream(async (call) => {
    await released;
    await call.answer(200, 'late');
  });
  const service = `services:\n  slow: { url: "${upstream.url}" }\n`;
  gateway.writeConfig(`${service}settings:\n  shutdown: { grace: 0, drain: 10, flush: 1 }\n`);
  expect((await reload()).status).toBe(200);
  const slow = call(await gateway.generateKey('test'), '/slow/');
  await until(() => upstream.requests.length === 1);
  gateway.signal('SIGTERM');
  await until(
    () =>
      fetch(gateway.url).then(
        () => false,
        () => true,
      ),
    { what: 'it accepts no new connection' },
  );
  release();
  expect(await (await slow).text()).toBe('late');
  expect(await gateway.exited).toBe(0);
  await upstream.close();
});
