import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { describeWithPostgres, describeWithRedis } from '../support/server-suite.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

describeWithPostgres('Two gateways on one PostgreSQL', (postgres) => {
  describeWithRedis('and one Redis', (redis) => {
    let upstream: RawUpstream;
    let gateways: TestGateway[];

    beforeAll(async () => {
      upstream = await startRawUpstream(answerOk);
      const config = `
settings: { ${QUICK_SHUTDOWN} }
services:
  counted: { url: "${upstream.url}", rate_limit: { limits: [{ limit: 10, window: 1h }] } }
  free: { url: "${upstream.url}" }
`;
      const env = { DATABASE_URL: postgres().url, REDIS_URL: redis().url };
      // At once: both find an empty database and one of them migrates it.
      gateways = await Promise.all([startTestGateway(config, { env }), startTestGateway(config, { env })]);
    });

    afterAll(async () => {
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await upstream.close();
    });

    async function generateKey(owner: string): Promise<{ id: string; api_key: string }> {
      const headers = { 'X-Master-Key': MASTER_KEY, 'Content-Type': 'application/json' };
      const answer = await fetch(`${gateways[0]?.url}/admin/generate_key`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ owner }),
      });
      return (await answer.json()) as { id: string; api_key: string };
    }

    function statusOf(gateway: TestGateway | undefined, path: string, key: string): Promise<number> {
      return fetch(`${gateway?.url}${path}`, { headers: { 'X-API-Key': key } }).then(async (answer) => {
        await answer.arrayBuffer();
        return answer.status;
      });
    }

    test('a key made at one works at the other, and is refused there at once after it was revoked', async () => {
      const { id, api_key: key } = await generateKey('revoked');
      expect(await statusOf(gateways[1], '/free/x', key)).toBe(200);
      const revokedAt = performance.now();
      await fetch(`${gateways[0]?.url}/admin/keys/${id}`, {
        method: 'DELETE',
        headers: { 'X-Master-Key': MASTER_KEY },
      });
      await until(async () => (await statusOf(gateways[1], '/free/x', key)) === 401);
      expect(performance.now() - revokedAt).toBeLessThan(2_000);
    });

    test('a limit is one limit: of forty requests through both, ten pass', async () => {
      const { api_key: key } = await generateKey('limited');
      const asked = Array.from({ length: 40 }, (_, i) => statusOf(gateways[i % 2], '/counted/x', key));
      const statuses = await Promise.all(asked);
      expect(statuses.filter((status) => status === 200).length).toBe(10);
      expect(statuses.filter((status) => status === 429).length).toBe(30);
    });

    test('Redis that is killed costs no request, is reported, and is used again', async () => {
      const { api_key: key } = await generateKey('outage');
      expect(await statusOf(gateways[0], '/counted/x', key)).toBe(200);
      await redis().kill();
      const began = performance.now();
      expect(await statusOf(gateways[0], '/counted/x', key)).toBe(200);
      expect(performance.now() - began).toBeLessThan(1_000);
      await until(() => gateways[0]?.deps.degradations.list().includes('redis_down') ?? false);
      const ready = (await (await fetch(`${gateways[0]?.url}/ready`)).json()) as { degraded: string[] };
      expect(ready.degraded).toContain('redis_down');
      expect(await gateways[0]?.metrics()).toContain('gateway_store_up{store="redis"} 0');
      await redis().restart();
      await until(() => gateways[0]?.deps.degradations.list().length === 0);
      expect(await statusOf(gateways[0], '/counted/x', key)).toBe(200);
    });
  });
});
