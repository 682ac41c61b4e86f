import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { until } from '../../tests/support/poll.ts';
import { systemClock } from '../lib/clock.ts';
import { HealthProber, type HealthRules } from './health.ts';
import { Target } from './targets.ts';

const RULES: HealthRules = {
  path: '/well?deep=1',
  interval: 5,
  timeout: 2_000,
  healthy_after: 2,
  unhealthy_after: 3,
  expected_status: { from: 200, to: 399 },
};

let server: Server;
let sockets: Set<Socket>;
let answer: (req: IncomingMessage, res: ServerResponse) => void;
let seen: IncomingMessage[];
let target: Target;
let prober: HealthProber | undefined;
let lines: object[];
let gauge: boolean[];

beforeEach(async () => {
  seen = [];
  lines = [];
  gauge = [];
  sockets = new Set();
  answer = (_, res) => void res.end('ok');
  server = createServer((req, res) => {
    seen.push(req);
    answer(req, res);
  });
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fields = { name: authority, origin: `http://${authority}`, authority, weight: 1, maxConnections: 1 };
  target = new Target({ ...fields, basePath: '/v1' });
});
afterEach(async () => {
  prober?.stop();
  prober = undefined;
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function probe(rules: Partial<HealthRules> = {}): HealthProber {
  const log = (fields: object): void => void lines.push(fields);
  const metrics = { service: () => ({ targetHealthy: (_: string, healthy: boolean) => void gauge.push(healthy) }) };
  const surroundings = { clock: systemClock, log: { info: log, warn: log }, metrics };
  prober = new HealthProber({ service: 'sample', targets: [target] }, { ...RULES, ...rules }, surroundings);
  prober.start();
  return prober;
}

const say = (status: number, body = '') => {
  answer = (_, res) => void res.writeHead(status).end(body);
};

describe('thresholds', () => {
  test('asks for the path at the origin, not below the base path, over a connection of its own', async () => {
    probe();
    await until(() => seen.length >= 2);
    expect(seen[0]?.method).toBe('GET');
    expect(seen[0]?.url).toBe('/well?deep=1');
    expect(seen[0]?.socket).not.toBe(seen[1]?.socket);
  });

  test('takes a target away only after unhealthy_after failures and gives it back after healthy_after successes', async () => {
    const states: boolean[] = [];
    answer = (_, res) => {
      states.push(target.isHealthy);
      const failing = states.length <= 5;
      res.writeHead(failing ? 500 : 200).end();
    };
    probe();
    await until(() => states.length >= 9);
    expect(states.slice(0, 9)).toEqual([true, true, true, false, false, false, false, true, true]);
  });

  test('a single good probe in between starts the count anew', async () => {
    let probes = 0;
    answer = (_, res) => void res.writeHead(++probes % 3 === 0 ? 200 : 503).end();
    probe();
    await until(() => probes >= 15);
    expect(target.isHealthy).toBe(true);
  });

  test('each change is one log line and one metric; the state at the start is a metric too', async () => {
    say(503);
    probe();
    await until(() => !target.isHealthy);
    say(204);
    await until(() => target.isHealthy);
    expect(gauge).toEqual([true, false, true]);
    expect(lines).toEqual([
      { service: 'sample', target: target.name, healthy: false, problem: 'status 503' },
      { service: 'sample', target: target.name, healthy: true, problem: undefined },
    ]);
  });
});

describe('what counts as failed', () => {
  const problem = async (rules: Partial<HealthRules> = {}) => {
    probe({ unhealthy_after: 1, ...rules });
    await until(() => !target.isHealthy);
    return (lines[0] as { problem: string }).problem;
  };

  test('no answer within the timeout', async () => {
    answer = () => {};
    const startedAt = performance.now();
    expect(await problem({ timeout: 60 })).toBe('timeout');
    expect(performance.now() - startedAt).toBeLessThan(900);
  });

  test('an answer that begins in time and then stalls', async () => {
    answer = (_, res) => void res.writeHead(200, { 'content-length': '10' }).write('half');
    expect(await problem({ timeout: 60 })).toBe('timeout');
  });

  test('a refused connection', async () => {
    await new Promise((resolve) => server.close(resolve));
    expect(await problem()).toBe('ECONNREFUSED');
  });

  test('a status outside the expected range', async () => {
    say(301);
    expect(await problem({ expected_status: { from: 200, to: 299 } })).toBe('status 301');
  });
});

describe('what the page says', () => {
  test('keeps the last report of an inference service and drops it when probes fail', async () => {
    const page = { status: 'ok', model: 'e5', device: 'cpu', queue_size: 3, inflight_batches: 1, secret: 'x' };
    say(200, JSON.stringify(page));
    const { secret: _, ...known } = page;
    const probing = probe();
    const report = await until(() => probing.views()[0]?.report);
    expect(report).toEqual(known);
    expect(probing.views()[0]).toMatchObject({ target: target.name, healthy: true });
    say(500, JSON.stringify(page));
    await until(() => probing.views()[0]?.report === undefined);
  });

  test.each([
    ['text', 'fine'],
    ['a list', '[1]'],
    ['fields of other types', '{"model": 7, "queue_size": "3"}'],
    ['nothing', ''],
    ['null', 'null'],
    ['a page too long to read', JSON.stringify({ model: 'x'.repeat(100_000) })],
  ])('%s is no report and still a good probe', async (_, page) => {
    say(200, page);
    const probing = probe();
    await until(() => (probing.views()[0]?.checkedAt ?? 0) > 0);
    expect(probing.views()[0]?.report?.model).toBeUndefined();
    expect(target.isHealthy).toBe(true);
  });
});

test('a stopped prober sends nothing more and ends the probe that is running', async () => {
  answer = () => {};
  const probing = probe();
  await until(() => seen.length === 1);
  const closed = new Promise((resolve) => seen[0]?.socket.once('close', resolve));
  probing.stop();
  await closed;
  expect(target.isHealthy).toBe(true);
  expect(seen).toHaveLength(1);
});
