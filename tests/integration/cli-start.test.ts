// What `turnpike start` prints, and how it ends.
import { expect, test } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { findFreePort } from '../support/free-port.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { StartFailure } from '../support/server-process.ts';

const quick = 'settings: { shutdown: { grace: 0s, drain: 1s, flush: 1s } }\n';
const config = `${quick}services:\n  service1: { url: "http://127.0.0.1:9" }\n  open: { url: "http://127.0.0.1:9", auth: false }\n`;

type Logged = Record<string, unknown>;

function find(lines: readonly string[], message: RegExp): Logged | undefined {
  const logged = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Logged);
  return logged.find(({ msg }) => message.test(String(msg)));
}

async function failToStart(options: { args: string[]; env?: Record<string, string> }): Promise<StartFailure> {
  const failure: unknown = await startGatewayProcess({ config, ...options }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StartFailure);
  return failure as StartFailure;
}

test('a port in use is one line with what to do, and exit code 1', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { exit, lines } = await failToStart({ args: ['--host', '127.0.0.1', '--port', String(port)] });
  expect(exit).toBe(1);
  const printed = lines.filter((line) => !line.startsWith('{'));
  expect(printed).toEqual([expect.stringContaining(`Cannot listen on 127.0.0.1:${port}: another program does.`)]);
  expect(printed[0]).toContain('--port');
  other.close();
});

test('a database that is down is one line and exit code 1', async () => {
  const port = await findFreePort();
  const { exit, lines } = await failToStart({
    args: [],
    env: { DATABASE_URL: `postgres://gw:s3cret@127.0.0.1:${port}/gw` },
  });
  expect(exit).toBe(1);
  expect(lines.filter((line) => !line.startsWith('{'))).toEqual([
    expect.stringMatching(new RegExp(`^Cannot reach the database at postgres://127\\.0\\.0\\.1:${port}/gw: `)),
  ]);
  expect(lines.join()).not.toContain('s3cret');
});

test('a flag that would change nothing is refused', async () => {
  const { exit, lines } = await failToStart({ args: ['--inference-url', 'http://127.0.0.1:1'] });
  expect(exit).toBe(1);
  expect(lines).toEqual([expect.stringMatching(/^command line: --inference-url: has no effect/)]);
});

test('the log tells at once what was started, what is open to everybody and what is not shared', async () => {
  const gateway = await startGatewayProcess({ config });
  try {
    expect(find(gateway.lines, /^configuration in force$/)).toMatchObject({
      services: ['service1', 'open'],
      open_routes: ['open'],
      database: `sqlite:${gateway.folder}/data/turnpike.db`,
      counters: 'memory',
    });
    expect(find(gateway.lines, /REDIS_URL is not set/)).toMatchObject({ level: 'warn' });
    expect(find(gateway.lines, /^ready in \d+ ms, listening on http:\/\/127\.0\.0\.1:\d+$/)).toMatchObject({
      level: 'info',
    });
  } finally {
    await gateway.stop();
  }
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends an idle gateway with exit code 0', async (signal) => {
  const gateway = await startGatewayProcess({ config });
  expect(await gateway.stop(signal)).toBe(0);
  expect(find(gateway.lines, /^shutting down$/)).toBeDefined();
});

test('a development start goes on without a sample service whose port is taken, and its samples end with it', async () => {
  const ports = await Promise.all([findFreePort(), findFreePort(), findFreePort()]);
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const [SERVICE2_PORT, LLM_PORT, EMBEDDINGS_PORT] = ports.map(String) as [string, string, string];
  const taken = String((other.address() as AddressInfo).port);
  const gateway = await startGatewayProcess({
    config,
    args: ['--dev'],
    env: { SERVICE1_PORT: taken, SERVICE2_PORT, LLM_PORT, EMBEDDINGS_PORT },
  });
  const sample = `http://127.0.0.1:${SERVICE2_PORT}/`;
  await until(() => find(gateway.lines, new RegExp(`^service1 not started: port ${taken} cannot be used`)));
  expect((await fetch(sample)).status).toBe(200);
  await gateway.kill();
  await until(
    () =>
      fetch(sample).then(
        () => false,
        () => true,
      ),
    { what: 'the samples have ended' },
  );
  other.close();
  await gateway.stop();
});
