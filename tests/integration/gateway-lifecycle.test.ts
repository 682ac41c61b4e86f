import { Agent, get } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { connectRaw, type RawConnection, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

async function start(config: (url: string) => string): Promise<void> {
  upstream = await startRawUpstream(answerOk);
  gateway = await startTestGateway(config(upstream.url));
}

const simple = (url: string, more = ''): string => `
settings: { ${QUICK_SHUTDOWN}${more} }
services:
  a: { url: "${url}" }
`;

function request(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\n\r\n`;
}

afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

describe('a reload', () => {
  test('happens by itself when the file changes, and the new routes are served', async () => {
    await start(simple);
    expect(await sendRaw(gateway.url, request('/b/x'))).toMatchObject({ status: 404 });
    gateway.writeConfig(simple(upstream.url) + `  b: { url: "${upstream.url}" }\n`);
    await until(async () => (await sendRaw(gateway.url, request('/b/x'))).status === 200);
    expect(await sendRaw(gateway.url, request('/a/x'))).toMatchObject({ status: 200 });
  });

  test('to a broken file changes nothing and says so', async () => {
    await start(simple);
    const { hash } = gateway.gateway.config;
    gateway.writeConfig('services: { a: { url: "nonsense", rat_limit: 1 } }');
    const outcome = await gateway.reloader.reload();
    expect(outcome).toMatchObject({ ok: false });
    expect(JSON.stringify(outcome)).toContain('rate_limit');
    expect(gateway.gateway.config.hash).toBe(hash);
    expect(await sendRaw(gateway.url, request('/a/x'))).toMatchObject({ status: 200 });
    expect(await gateway.metrics()).toContain('gateway_config_reload_success 0');
    expect(gateway.deps.degradations.list()).toContain('config_reload_failed');
  });

  test('keeps the counts of routes that answer themselves', async () => {
    await start(
      (url) => `${simple(url)}routes: [{ name: gone, match: { path: /gone }, respond: { status: 410, body: gone } }]\n`,
    );
    await sendRaw(gateway.url, request('/gone'));
    expect(await gateway.reloader.reload()).toMatchObject({ ok: true });
    expect(await gateway.metrics()).toContain('gateway_requests_total{service="gone",method="GET",status="410"} 1');
  });

  test('never takes a file that is half written', async () => {
    await start(simple);
    const whole = simple(upstream.url) + `  b: { url: "${upstream.url}" }\n`;
    const { hash } = gateway.gateway.config;
    for (let i = 0; i < 10; i++) {
      gateway.writeConfig('');
      gateway.writeConfig(whole.slice(0, -40));
      gateway.writeConfig(whole);
    }
    await until(async () => (await sendRaw(gateway.url, request('/b/x'))).status === 200);
    const hashes = (): unknown[] => {
      return gateway.logged.filter(({ msg }) => msg === 'configuration reloaded').map((line) => line['hash']);
    };
    await until(() => hashes().length > 0);
    expect(hashes()).toEqual([gateway.gateway.config.hash]);
    expect(hashes()).not.toContain(hash);
    gateway.writeConfig('');
    expect(await gateway.reloader.reload()).toMatchObject({ ok: false, problems: [expect.stringContaining('empty')] });
  });

  test('lets a stream finish on the configuration it began with', async () => {
    await start(simple);
    let finish = (): void => {};
    upstream.play(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      await call.write('3\r\ntwo\r\n0\r\n\r\n');
    });
    const client = await connectRaw(gateway.url);
    await client.send(request('/a/x'));
    await client.readThrough('one');
    gateway.writeConfig(`settings: { ${QUICK_SHUTDOWN} }\nservices: { other: { url: "${upstream.url}" } }\n`);
    expect(await gateway.reloader.reload()).toMatchObject({ ok: true });
    finish();
    expect(await client.readThrough('two')).toContain('two');
    expect(await sendRaw(gateway.url, request('/a/x'))).toMatchObject({ status: 404 });
    client.destroy();
  });

  test('does not make a connection that was told to close readable again', async () => {
    await start(simple);
    let finish = (): void => {};
    upstream.play(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
      finish = () => void call.write('0\r\n\r\n');
    });
    const client = await connectRaw(gateway.url);
    const head = `POST /a/x HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    await client.send(`${head}3\r\nabc\r\n`);
    await client.readThrough('one');
    expect(await gateway.reloader.reload()).toMatchObject({ ok: true });
    await client.send(`0\r\n\r\n${request('/a/pipelined')}`);
    await until(() => upstream.requests[0]?.isComplete);
    finish();
    await client.readThrough('0\r\n\r\n');
    client.end();
    expect(await client.closed).toBe('fin');
    expect(upstream.requests.map(({ target }) => target)).toEqual(['/x']);
  });

  test('keeps counters and circuits of what did not change', async () => {
    await start((url) => `settings: { ${QUICK_SHUTDOWN} }\nservices:\n  a: { url: "${url}", rate_limit: 2 }\n`);
    await sendRaw(gateway.url, request('/a/1'));
    gateway.writeConfig(
      `settings: { ${QUICK_SHUTDOWN} }\nservices:\n  a: { url: "${upstream.url}", rate_limit: 2 }\n  b: { url: "${upstream.url}" }\n`,
    );
    const service = gateway.gateway.services.get('a');
    expect(await gateway.reloader.reload()).toMatchObject({ ok: true });
    expect(gateway.gateway.services.get('a')).toBe(service);
    const answer = await sendRaw(gateway.url, request('/a/2'));
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('0');
  });

  test('twenty times under load fails no request', async () => {
    await start(simple);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const statuses = new Map<number, number>();
    let running = true;
    const load = Array.from({ length: 8 }, async () => {
      while (running) {
        const status = await fetchStatus(agent, `${gateway.url}/a/x`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    for (let i = 0; i < 20; i++) {
      gateway.writeConfig(
        simple(upstream.url) +
          `  extra${i}: { url: "${upstream.url}" }\n  a${i % 2}: { url: "${upstream.url}/${i}" }\n`,
      );
      expect(await gateway.reloader.reload()).toMatchObject({ ok: true });
    }
    running = false;
    await Promise.all(load);
    agent.destroy();
    expect([...statuses.keys()]).toEqual([200]);
    expect(statuses.get(200)).toBeGreaterThan(100);
  });

  test('names what has to wait for a restart', async () => {
    await start(simple);
    gateway.writeConfig(simple(upstream.url, ', listen: { port: 1234, host: 127.0.0.9 }, redis: { prefix: "x:" }'));
    expect(await gateway.reloader.reload()).toMatchObject({ ok: true, restartNeeded: ['settings.redis'] });
  });
});

describe('a shutdown', () => {
  test('lets a running request finish, closes its connection, and then refuses new ones', async () => {
    await start((url) => simple(url).replace('drain: 200ms', 'drain: 5s'));
    let answer = (): void => {};
    upstream.play(async (call) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      await call.answer(200, 'late');
    });
    const client = await connectRaw(gateway.url);
    await client.send(request('/a/x'));
    await until(() => upstream.requests.length === 1);
    const stopped = gateway.stop();
    await until(() => gateway.gateway.isDraining);
    answer();
    const got = await client.read();
    expect(got).toMatchObject({ status: 200, text: 'late' });
    await stopped;
    await expect(sendRaw(gateway.url, request('/a/x'))).rejects.toThrow();
    client.destroy();
  });

  test('tells a stream that outlives the drain time, in one event, and cuts it', async () => {
    await start(simple);
    upstream.play((call) =>
      call.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n',
      ),
    );
    const client = await connectRaw(gateway.url);
    await client.send(request('/a/x'));
    const reading = client.read();
    await until(() => gateway.gateway.running.size === 1);
    await gateway.stop();
    const answer = await reading;
    expect(answer.text.match(/"code":"DRAINING"/g)).toHaveLength(1);
    expect(await client.closed).toBe('fin');
  });

  test('answers every request that has no answer yet with 503 DRAINING, counts them all, and resets no connection', async () => {
    await start(
      (url) =>
        `${simple(url)}  one: { url: "${url}", concurrency: { limit: 1, per: service, queue: { max: 5, wait: 30s } } }\n`,
    );
    upstream.play(() => {});
    const clients = await Promise.all(Array.from({ length: 4 }, () => connectRaw(gateway.url)));
    const [waiting, holding, queued, uploading] = clients as [
      RawConnection,
      RawConnection,
      RawConnection,
      RawConnection,
    ];
    await waiting.send(request('/a/waiting'));
    await holding.send(request('/one/holding'));
    await until(() => upstream.requests.length === 2);
    await queued.send(request('/one/queued'));
    await uploading.send(
      request('/a/upload').replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 9\r\n\r\nabc'),
    );
    await until(() => gateway.gateway.running.size === 4);
    await gateway.stop();
    for (const client of clients) {
      const answer = await client.read();
      expect([answer.status, JSON.parse(answer.text).code, answer.headers.get('connection')]).toEqual([
        503,
        'DRAINING',
        'close',
      ]);
      expect(answer.headers.get('retry-after')).toBe('1');
      client.end();
      expect(await client.closed).toBe('fin');
    }
    expect(await countedMinutes(gateway)).toBe(4);
    expect(gateway.logged.filter(({ msg }) => String(msg).includes('bug'))).toEqual([]);
    expect(gateway.logged.filter((line) => line['error_code'] === 'DRAINING')).toHaveLength(4);
  });
});

/** What a stopped gateway has written to its database. */
async function countedMinutes({ loaded }: TestGateway): Promise<number> {
  const database = await openDatabase(loaded.env.databaseUrl.reveal());
  try {
    const rows: { requests: number }[] = await database.reader('usage_minutes').select('requests');
    return rows.reduce((sum, { requests }) => sum + requests, 0);
  } finally {
    await database.close();
  }
}

function fetchStatus(agent: Agent, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { 'X-API-Key': API_KEY } }, (res) => {
      res.resume().once('end', () => resolve(res.statusCode ?? 0));
    }).once('error', reject);
  });
}
