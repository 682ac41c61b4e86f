import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import request from 'supertest';
import { asAdmin, expectDeclared } from '../support/api-client.ts';
import { until } from '../support/poll.ts';
import { makeGateways, MASTER_KEY } from '../support/start-gateway.ts';

const start = makeGateways();
const upstreams: Server[] = [];
afterEach(() => {
  for (const server of upstreams.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** `host:port` of a service that ends with the test. */
async function serveUpstream(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  upstreams.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const SETTINGS = `
settings:
  listen: { host: 127.0.0.1, port: 0 }
  shutdown: { grace: 0s, drain: 1s, flush: 1s }
`;
const embeddingsAt = (target: string) => `${SETTINGS}
services:
  vectors:
    kind: embeddings
    url: http://${target}
    health: { path: /health, interval: 100ms, timeout: 1s, unhealthy_after: 1, healthy_after: 1 }
`;
const failingAt = (target: string) => `${SETTINGS}
services:
  frail:
    url: http://${target}/base
    auth: false
    retry: false
    circuit_breaker: { min_requests: 2, error_percent: 50, window: 10s, open_for: 30s }
`;

test('/health shows what the embeddings service says about itself, and that it is down', async () => {
  const report = { status: 'healthy', model: 'm-1', device: 'cpu', queue_size: 3, inflight_batches: 1 };
  let isUp = true;
  const target = await serveUpstream((_req, res) => res.writeHead(isUp ? 200 : 500).end(JSON.stringify(report)));
  const { url } = await start(embeddingsAt(target));
  const inference = async () => (await request(url).get('/health')).body.inference_service;
  await until(async () => (await inference()).status === 'healthy');
  const res = await request(url).get('/api/v1/health');
  expectDeclared('GET', '/health', res);
  expect(res.body).toEqual({ status: 'healthy', gateway_version: '9.9.9', inference_service: report });
  isUp = false;
  await until(async () => (await inference()).status === 'unavailable');
});

test('/health does not wait for an inference service that does not answer', async () => {
  const target = await serveUpstream(() => undefined);
  const { url } = await start(embeddingsAt(target));
  const { body } = await request(url).get('/health').timeout(500);
  expect(body).toEqual({ status: 'healthy', gateway_version: '9.9.9', inference_service: { status: 'unknown' } });
});

test('/ready lists what is degraded with 200 and turns 503 only when the gateway drains', async () => {
  const { url, gateway, deps } = await start(SETTINGS);
  deps.degradations.store('database', false, undefined);
  const res = await request(url).get('/ready');
  expectDeclared('GET', '/ready', res);
  expect([res.status, res.body]).toEqual([200, { status: 'ready', degraded: ['database_down'] }]);
  gateway.isDraining = true;
  const draining = await request(url).get('/ready');
  expect([draining.status, draining.body.code]).toEqual([503, 'DRAINING']);
});

test('a breaker that opened is shown with its target and closed by hand', async () => {
  const target = await serveUpstream((_req, res) => res.writeHead(500).end());
  const { url, logged } = await start(failingAt(target));
  const admin = asAdmin(url);
  for (let i = 0; i < 2; i++) await request(url).get('/frail/');
  expect((await request(url).get('/frail/')).body.code).toBe('CIRCUIT_OPEN');
  const services = await admin('get', '/admin/services');
  expectDeclared('GET', '/admin/services', services);
  const [shown] = services.body.services[0].targets;
  expect(shown).toMatchObject({ target, url: `http://${target}/base`, available: false, healthy: true, in_flight: 0 });
  expect(shown.breaker).toMatchObject({ state: 'open', requests: 2, failures: 2 });
  expect(shown.breaker.admits_again_in_ms).toBeGreaterThan(0);
  const reset = await admin('post', `/admin/breakers/frail/${target}/reset`);
  expectDeclared('POST', '/admin/breakers/:service/:target/reset', reset);
  expect((await request(url).get('/frail/')).status).toBe(500);
  expect(logged.some(({ msg }) => msg === 'a breaker was closed by hand')).toBe(true);
  expect((await admin('post', '/admin/breakers/frail/nowhere:1/reset')).status).toBe(404);
});

test('the configuration is shown with its defaults and without its secrets', async () => {
  const yaml = `${SETTINGS}
services:
  chat:
    kind: llm
    targets: [{ url: 'http://127.0.0.1:9', api_key: '\${UPSTREAM_KEY}' }]
    headers: { request: { set: { X-Upstream-Token: '\${UPSTREAM_TOKEN}' } } }
`;
  const env = {
    MASTER_KEY,
    UPSTREAM_KEY: 'planted-one',
    UPSTREAM_TOKEN: 'planted-two',
  };
  const { url, gateway } = await start(yaml, { env });
  const res = await asAdmin(url)('get', '/admin/config');
  expectDeclared('GET', '/admin/config', res);
  expect(res.body.hash).toBe(gateway.config.hash);
  expect(res.body.config.settings.rate_period).toBe(60_000);
  expect(res.body.config.services.chat.targets[0].api_key).toBe('[redacted]');
  expect(res.text).not.toMatch(/planted|mk_master/);
});

test('a reload makes the file live, and a file with mistakes changes nothing and lists them', async () => {
  const { url, writeConfig, gateway } = await start(SETTINGS);
  const admin = asAdmin(url);
  const before = gateway.config.hash;
  writeConfig(`${SETTINGS}  dialekt: simple\n  rate_period: x\n`);
  const refused = await admin('post', '/admin/reload');
  expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_ERROR']);
  expect(refused.body.detail).toMatch(/settings\.dialekt.*\n.*settings\.rate_period/);
  expect(gateway.config.hash).toBe(before);
  writeConfig(`${SETTINGS}  dialect: simple\n`);
  const done = await admin('post', '/admin/reload');
  expectDeclared('POST', '/admin/reload', done);
  expect(done.body).toEqual({ status: 'reloaded', hash: gateway.config.hash, restart_needed: [] });
  expect((await request(url).get('/admin/nothing')).body).not.toHaveProperty('type');
});

test('detailed health shows the process, its stores and its services', async () => {
  const target = await serveUpstream((_req, res) => res.end());
  const { url, deps } = await start(failingAt(target));
  const admin = asAdmin(url);
  const res = await admin('get', '/api/v1/health/detailed');
  expectDeclared('GET', '/api/v1/health/detailed', res);
  expect(res.body).toMatchObject({
    status: 'healthy',
    degraded: [],
    version: '9.9.9',
    running_requests: 1,
    stores: { database: 'up' },
    services: [{ service: 'frail', targets: [{ target, breaker: { state: 'closed' } }] }],
  });
  deps.degradations.store('database', false, undefined);
  expect((await admin('get', '/api/v1/health/detailed')).body).toMatchObject({
    status: 'degraded',
    stores: { database: 'down' },
  });
});

test('metrics speak OpenMetrics when asked, want the master key when told so, and can be switched off', async () => {
  const guarded = await start(`${SETTINGS}  admin: { metrics_access: master_key }\n`);
  expect((await request(guarded.url).get('/metrics')).status).toBe(401);
  const res = await asAdmin(guarded.url)('get', '/metrics').set('Accept', 'application/openmetrics-text');
  expect(res.headers['content-type']).toContain('application/openmetrics-text');
  expect(res.text ?? res.body.toString()).toMatch(/# EOF\n$/);
  const off = await start(`${SETTINGS}  metrics: { enabled: false }\n`);
  expect((await request(off.url).get('/metrics')).status).toBe(404);
});

test('a database that went away is 503 with a time to retry, and a bug is 500 that tells nothing', async () => {
  const { url, deps, logged } = await start(SETTINGS);
  await deps.database.knex.schema.dropTable('api_keys');
  const bug = await asAdmin(url)('get', '/admin/keys');
  expect([bug.status, bug.body.code]).toEqual([500, 'INTERNAL_ERROR']);
  expect(bug.text).not.toMatch(/api_keys|select|at /);
  expect(logged).toContainEqual(
    expect.objectContaining({ msg: 'internal error in an endpoint of the gateway', level: 'error' }),
  );
  await deps.database.close();
  const outage = await asAdmin(url)('get', '/admin/keys');
  expect([outage.status, outage.body.code]).toEqual([503, 'STORE_UNAVAILABLE']);
  expect(outage.headers['retry-after']).toBe('2');
});
