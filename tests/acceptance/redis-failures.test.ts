// Redis dies, or falls silent, under load: nobody waits for it, limits go on, and it is seen from outside.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startEcho } from '../../services/echo/server.ts';
import type { RunningService } from '../../services/http-service.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { describeWithRedis } from '../support/server-suite.ts';

let echo: RunningService;
let gateway: GatewayProcess;

async function isRedisUp(): Promise<boolean> {
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  return metrics.includes('gateway_store_up{store="redis"} 1');
}

async function readDegraded(): Promise<string[]> {
  const ready = await fetch(`${gateway.url}/ready`);
  expect(ready.status).toBe(200);
  return ((await ready.json()) as { degraded: string[] }).degraded;
}

interface Load {
  /** Milliseconds of each call answered since the last look, shortest first. */
  take(count: number): Promise<number[]>;
  /** Resolves with how often each status came. */
  stop(): Promise<Map<number, number>>;
}

/** Calls through four connections until it is told to stop. */
function startLoad(key: string): Load {
  const statuses = new Map<number, number>();
  let durations: number[] = [];
  let isOver = false;
  const workers = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const startedAt = performance.now();
      const res = await fetch(`${gateway.url}/echo/`, { headers: { 'x-api-key': key } });
      await res.arrayBuffer();
      durations.push(performance.now() - startedAt);
      statuses.set(res.status, (statuses.get(res.status) ?? 0) + 1);
    }
  });
  const take = async (count: number) => {
    durations = [];
    await until(() => durations.length >= count, { timeoutMs: 10_000, what: `${count} calls` });
    return durations.toSorted((a, b) => a - b);
  };
  const stop = async () => {
    isOver = true;
    await Promise.all(workers);
    return statuses;
  };
  return { take, stop };
}

function middleOf(durations: number[]): number {
  return durations[Math.floor(durations.length / 2)] ?? Number.NaN;
}

describeWithRedis(
  'with Redis',
  (redis) => {
    beforeEach(async () => {
      echo = await startEcho({ port: 0 });
      const config = `services:\n  echo:\n    url: "${echo.url}"\n    rate_limit: 1000000\n`;
      gateway = await startGatewayProcess({ config, env: { REDIS_URL: redis().url } });
      await until(isRedisUp);
    });
    afterEach(async () => {
      await gateway.stop();
      await echo.close();
    });

    const failures = {
      killed: { fail: () => redis().kill(), mend: () => redis().restart() },
      stopped: { fail: async () => redis().pause(), mend: async () => redis().resume() },
    };

    test.each(['killed', 'stopped'] as const)(
      'no request fails or waits for a Redis that is %s, and it is used again soon after its return',
      async (kind) => {
        const load = startLoad(await gateway.generateKey('load'));
        await load.take(50);
        const before = await load.take(100);
        await failures[kind].fail();
        const during = await load.take(100);
        await until(async () => !(await isRedisUp()));
        expect(await readDegraded()).not.toEqual([]);
        const mendedAt = performance.now();
        await failures[kind].mend();
        await until(isRedisUp);
        const recoveryMs = performance.now() - mendedAt;
        expect([...(await load.stop()).keys()]).toEqual([200]);
        // Measured against the same machine a moment before: how busy it is must not decide.
        expect(middleOf(during)).toBeLessThan(middleOf(before) + 50);
        expect(during.at(-1)).toBeLessThan((before.at(-1) ?? 0) + 500);
        expect(recoveryMs).toBeLessThan(3000);
        await until(async () => (await readDegraded()).length === 0);
      },
      30_000,
    );
  },
  { own: true },
);
