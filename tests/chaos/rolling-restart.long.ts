// Three processes are replaced one by one while exchanges of all kinds run.
import { expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { beginLongExchanges, type LongExchange, startHoldingUpstream } from '../support/long-exchanges.ts';
import { until } from '../support/poll.ts';
import { connectRaw } from '../support/raw-client.ts';
import { API_KEY } from '../support/start-gateway.ts';

const LONGEST_MS = 1_000;

test('a rolling restart fails no exchange that ends within the drain time, and ends longer ones in order', async () => {
  const upstream = await startHoldingUpstream();
  const gateway = await startGatewayProcess({
    config: `
settings: { workers: 3, shutdown: { grace: 1s, drain: 4s, flush: 2s } }
services:
  direct: { url: "${upstream.url}", retry: { attempts: 3, backoff: { initial: 400ms, max: 400ms } } }
  single: { url: "${upstream.url}", concurrency: { limit: 1, per: service, queue: { max: 100, wait: 60s } } }
`,
    env: { TEST_API_KEY: API_KEY },
    timeoutMs: 60_000,
  });
  const failed: string[] = [];
  let finished = 0;
  const finish = async ({ kind, finish: end }: LongExchange): Promise<void> => {
    await end().catch((error: unknown) => failed.push(`${kind}: ${String(error)}`));
    finished++;
  };
  try {
    const streams = await Promise.all(Array.from({ length: 6 }, (_, i) => openStream(gateway.url, `long${i}`)));
    const tunnels = await Promise.all(Array.from({ length: 6 }, () => openTunnel(gateway.url)));
    const isOver = (): boolean => gateway.lines.some((line) => line.includes('all workers have been replaced'));
    gateway.signal('SIGUSR2');
    for (let round = 0; !isOver(); round++) {
      const exchanges = await beginLongExchanges({ gateway: gateway.url, upstream }, `r${round}`);
      const end = performance.now() + LONGEST_MS;
      await until(() => performance.now() >= end || isOver());
      await Promise.all(exchanges.map(finish));
    }
    expect(failed).toEqual([]);
    expect(finished).toBeGreaterThan(25);
    for (const client of streams) {
      expect(await client.closed).toBe('fin');
      expect(client.bytes.toString().match(/"code":"DRAINING"/g)).toHaveLength(1);
    }
    const codes = await Promise.all(tunnels.map(({ code }) => code));
    expect(new Set(codes)).toEqual(new Set([1001]));
  } finally {
    await gateway.stop();
    await upstream.close();
  }
}, 240_000);

async function openStream(url: string, id: string): ReturnType<typeof connectRaw> {
  const client = await connectRaw(url);
  await client.send(`GET /direct/stream?${id} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\n\r\n`);
  await client.readThrough('first');
  void client.closed.then(() => client.end());
  return client;
}

/** The code with which it is closed, later. */
async function openTunnel(url: string): Promise<{ readonly code: Promise<number> }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/direct/tunnel`, { headers: { 'X-API-Key': API_KEY } });
  const code = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return { code };
}
