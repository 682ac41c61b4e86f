// The commands of the document that examples/flask-gateway.yaml comes from, against the real program.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEcho } from '../../services/echo/server.ts';
import type { RunningService } from '../../services/http-service.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { describeWithPostgres, describeWithRedis } from '../support/server-suite.ts';

const example = readFileSync(join(import.meta.dirname, '../../examples/flask-gateway.yaml'), 'utf8');

let service1: RunningService;
let service2: RunningService;
let gateway: GatewayProcess;

async function start(more = '', env: Record<string, string> = {}): Promise<void> {
  const config = example.replace('http://localhost:5001', service1.url).replace('http://localhost:5002', service2.url);
  gateway = await startGatewayProcess({ config: `${config}\n${more}`, env });
}

beforeEach(async () => {
  service1 = await startEcho({ port: 0, name: 'service1' });
  service2 = await startEcho({ port: 0, name: 'service2' });
});

afterEach(async () => {
  await gateway.stop();
  await service1.close();
  await service2.close();
});

/** `curl -X POST …/admin/generate_key -H "X-Master-Key: …" -H "Content-Type: application/json" -d '{"owner":…}'` */
function generateKey(masterKey: string, owner = 'test-client'): Promise<Response> {
  return fetch(`${gateway.url}/admin/generate_key`, {
    method: 'POST',
    headers: { 'X-Master-Key': masterKey, 'Content-Type': 'application/json' },
    body: JSON.stringify({ owner }),
  });
}

/** `curl …/service1/test -H "X-API-Key: …"` */
async function call(path: string, key: string): Promise<{ status: number; headers: Headers; body: unknown }> {
  const res = await fetch(gateway.url + path, { headers: { 'X-API-Key': key } });
  return { status: res.status, headers: res.headers, body: await res.json() };
}

async function callTimes(count: number, path: string, key: string): Promise<number[]> {
  const statuses: number[] = [];
  for (let n = 0; n < count; n += 1) statuses.push((await call(path, key)).status);
  return statuses;
}

async function readMetrics(): Promise<string[]> {
  return (await (await fetch(`${gateway.url}/metrics`)).text()).split('\n');
}

describe('with nothing but the file', () => {
  test('generate_key gives a key that opens /service1/test, and the service does not see it', async () => {
    await start();
    const res = await generateKey(gateway.masterKey);
    expect(res.status).toBe(201);
    const { api_key: key, owner } = (await res.json()) as { api_key: string; owner: string };
    expect(owner).toBe('test-client');
    const { status, body } = await call('/service1/test', key);
    expect(status).toBe(200);
    expect(body).toMatchObject({ service: 'service1', method: 'GET', path: '/test' });
    expect((body as { headers: object }).headers).not.toHaveProperty('x-api-key');
  });

  test('answers 401 to a wrong master key, to a wrong key and to none', async () => {
    await start();
    expect((await generateKey('wrong')).status).toBe(401);
    expect((await call('/service1/test', 'sk_live_wrong')).status).toBe(401);
    expect((await fetch(`${gateway.url}/service1/test`)).status).toBe(401);
  });

  test('counts five calls as 5 and sorts their latencies into buckets from 0.005', async () => {
    await start();
    const key = await gateway.generateKey('test-client');
    expect(await callTimes(5, '/service1/test', key)).toEqual([200, 200, 200, 200, 200]);
    const counted = 'gateway_requests_total{service="service1",method="GET",status="200"} 5';
    const metrics = await until(async () => {
      const lines = await readMetrics();
      return lines.includes(counted) && lines;
    });
    const bucket = 'gateway_request_latency_seconds_bucket{service="service1",le="0.005"} ';
    expect(metrics.filter((line) => line.startsWith(bucket))).toHaveLength(1);
  });

  test('answers 429 after the quota, to this client at this service alone', async () => {
    await start();
    const key = await gateway.generateKey('test-client');
    expect(await callTimes(100, '/service1/test', key)).toEqual(Array.from({ length: 100 }, () => 200));
    const refused = await call('/service1/test', key);
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'RATE_LIMIT_EXCEEDED' });
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(61);
    expect((await call('/service2/test', key)).status).toBe(200);
    expect((await call('/service1/test', await gateway.generateKey('another-client'))).status).toBe(200);
  });

  test('opens the circuit when the backend dies and closes it when the backend returns', async () => {
    await start('defaults:\n  circuit_breaker: { open_for: 1s }\n');
    const [dying, recovery] = [await gateway.generateKey('test-client'), await gateway.generateKey('another-client')];
    expect((await call('/service1/test', dying)).status).toBe(200);
    await service1.close();
    const open = await until(async () => {
      const { status, body } = await call('/service1/test', dying);
      return status === 503 && body;
    });
    expect(open).toMatchObject({ code: 'CIRCUIT_OPEN' });
    expect(await circuitState()).toBe('2');
    service1 = await startEcho({ port: service1.port, name: 'service1' });
    await until(async () => (await call('/service1/test', recovery)).status === 200, {
      timeoutMs: 15_000,
      everyMs: 200,
    });
    expect(await circuitState()).toBe('0');
  });
});

async function circuitState(): Promise<string | undefined> {
  const line = (await readMetrics()).find((each) => each.startsWith('gateway_circuit_state{service="service1"'));
  return line?.split(' ')[1];
}

describeWithPostgres('with PostgreSQL, as in the .env of the document,', (postgres) => {
  describeWithRedis('and Redis', (redis) => {
    test('keeps keys and counts over a kill and a restart', async () => {
      await start('', { DEBUG: 'true', DATABASE_URL: postgres().url, REDIS_URL: redis().url });
      const key = await gateway.generateKey('test-client');
      expect(await callTimes(50, '/service1/test', key)).toEqual(Array.from({ length: 50 }, () => 200));
      await gateway.kill();
      await gateway.restart();
      // On a busy machine Redis may answer too late for a call or two, which then are counted by this process alone.
      const refusedAfter = (await callTimes(60, '/service1/test', key)).indexOf(429);
      expect(refusedAfter).toBeGreaterThanOrEqual(50);
    });
  });
});
