/**
 * Sends requests at a fixed rate, whether or not earlier ones have been answered, and prints percentiles of the time from
 * the moment each was due to its last byte: a stall delays all that follow, and all of them are counted.
 *
 *   node bench/open-loop.ts <url> <key> <requests per second> <seconds>
 */
import { Agent, request } from 'node:http';

const [url = '', key = '', rate = '200', seconds = '5'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const interval = 1000 / Number(rate);
const count = Number(rate) * Number(seconds);

function send(dueAt: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-api-key': key, 'content-type': 'application/json' };
    const req = request(url, { agent, method: 'POST', headers }, (res) => {
      if (res.statusCode !== 200) reject(new Error(`status ${res.statusCode}`));
      res.resume().on('end', () => resolve(performance.now() - dueAt));
    });
    req.on('error', reject).end('{"message":"hello"}');
  });
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const startedAt = performance.now();
const running: Promise<number>[] = [];
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    while (running.length < count && startedAt + running.length * interval <= performance.now())
      running.push(send(startedAt + running.length * interval));
    if (running.length < count) return;
    clearInterval(timer);
    resolve();
  }, 1);
});
const sorted = (await Promise.all(running)).toSorted((a, b) => a - b);
agent.destroy();
const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => percentile(sorted, share));
console.log(JSON.stringify({ p50, p90, p99 }));
