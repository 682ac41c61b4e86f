// Several processes behind one socket: what one of them could do alone must not change for whoever calls.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCli } from '../support/cli.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const config = (greeting: string): string => `
settings: { workers: 2, shutdown: { grace: 0s, drain: 5s, flush: 2s } }
routes:
  - { name: hi, match: { path: /hi }, auth: false, respond: { status: 200, body: "${greeting}" } }
  - { name: few, match: { path: /few }, auth: false, rate_limit: { limits: [{ limit: 20, window: 1h, per: ip }] }, respond: { status: 200, body: "in" } }
`;

let gateway: GatewayProcess;
let asked = 0;

beforeAll(async () => {
  gateway = await startGatewayProcess({ config: config('hello') });
});
afterAll(() => gateway.stop('SIGTERM'));

test('what the first worker cannot do is said once, and the primary ends with 1', async () => {
  const { port } = new URL(gateway.url);
  const { code, stderr } = await runCli(gateway.folder, ['start', '--host', '127.0.0.1', '--port', port]);
  expect(code).toBe(1);
  expect(stderr.trimEnd().split('\n')).toEqual([
    expect.stringContaining(`Cannot listen on 127.0.0.1:${port}: another program does.`),
    'The gateway did not start: a process ended before it accepted requests.',
  ]);
});

/** On a connection of its own, so that the workers take turns. */
async function ask(path = '/hi'): Promise<string> {
  const headers = { connection: 'close', 'x-master-key': gateway.masterKey };
  const res = await fetch(`${gateway.url}${path}`, { headers });
  if (path === '/hi') asked += 1;
  if (res.status !== 200) throw new Error(`${path} answers ${res.status}`);
  return res.text();
}

async function count(): Promise<number> {
  const line = /^gateway_requests_total\{service="hi",method="GET",status="200"\} (\d+)$/m;
  return Number(line.exec(await ask('/metrics'))?.[1]);
}

const logged = (message: string): string[] => gateway.lines.filter((line) => line.includes(message));

/** Asks without pause until the work has ended; every request must be answered. */
async function whileAsking(work: () => Promise<unknown>): Promise<number> {
  let isOver = false;
  const before = asked;
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) await ask();
  });
  try {
    await work();
  } finally {
    isOver = true;
  }
  await Promise.all(callers);
  return asked - before;
}

describe('two workers', () => {
  test('show one page of metrics, whichever of them is asked', async () => {
    for (let i = 0; i < 20; i++) await ask();
    expect([await count(), await count(), await count()]).toEqual([asked, asked, asked]);
  });

  test('admit exactly the limit together, without Redis', async () => {
    const headers = { connection: 'close' };
    const answers = await Promise.all(Array.from({ length: 60 }, () => fetch(`${gateway.url}/few`, { headers })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(40);
  });

  test('follow a changed file together, and one of them puts it on record', async () => {
    gateway.writeConfig(config('changed'));
    await until(async () => (await ask()) === 'changed' && (await ask()) === 'changed', { what: 'the new greeting' });
    await until(() => logged('configuration reloaded').length === 2, { what: 'both reloads' });
    const audit = JSON.parse(await ask('/admin/audit')) as { items: { action: string }[] };
    expect(audit.items.filter(({ action }) => action === 'config.reload')).toHaveLength(1);
  });

  test('reload on SIGHUP to the primary', async () => {
    const before = logged('configuration reloaded').length;
    gateway.signal('SIGHUP');
    await until(() => logged('configuration reloaded').length === before + 2, { what: 'both reloads' });
  });

  test('are replaced on SIGUSR2 without a failed request and without losing a count', async () => {
    const answered = await whileAsking(async () => {
      gateway.signal('SIGUSR2');
      await until(() => logged('all workers have been replaced').length === 1, {
        timeoutMs: 15_000,
        what: 'new workers',
      });
    });
    expect(answered).toBeGreaterThan(10);
    expect(await count()).toBe(asked);
  });

  test('go on when one of them is killed, and it is replaced', async () => {
    const started = logged('a worker accepts requests');
    const { pid } = JSON.parse(started.at(-1) ?? '{}') as { pid: number };
    process.kill(pid, 'SIGKILL');
    await until(() => logged('a worker has ended: starting another').length === 1, { what: 'the end to be noticed' });
    expect(await ask()).toBe('changed');
    await until(() => logged('a worker accepts requests').length > started.length, {
      timeoutMs: 15_000,
      what: 'another',
    });
  });

  test('drain on SIGTERM, and the primary ends with 0', async () => {
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
  });
});
