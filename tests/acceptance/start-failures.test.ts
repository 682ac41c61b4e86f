import { expect, test } from '@jest/globals';
import { findFreePort } from '../support/free-port.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { StartFailure } from '../support/server-process.ts';

const config = 'services:\n  service1:\n    url: "http://127.0.0.1:9"\n';

async function failToStart(text: string, env: Record<string, string> = {}): Promise<StartFailure> {
  try {
    await (await startGatewayProcess({ config: text, env })).stop();
  } catch (error) {
    if (error instanceof StartFailure) return error;
    throw error;
  }
  throw new Error('It started.');
}

test('a wrong configuration ends with exit code 1, every mistake on a line with its place', async () => {
  const { exit, lines } = await failToStart(`${config}    rate_limt: 5\nsetings: {}\n`);
  expect(exit).toBe(1);
  const output = lines.join('\n');
  expect(output).toMatch(
    /gateway_config\.yaml:4:\d+: services\.service1\.rate_limt: unknown key, did you mean "rate_limit"\?/,
  );
  expect(output).toMatch(/gateway_config\.yaml:5:\d+: setings: unknown key, did you mean "settings"\?/);
  expect(output).not.toMatch(/^\s+at /m);
});

test('a configuration that is no YAML ends with exit code 1 and the place where reading stopped', async () => {
  const { exit, lines } = await failToStart('services: [');
  expect(exit).toBe(1);
  expect(lines.join('\n')).toMatch(/gateway_config\.yaml:\d+:\d+/);
});

test('PostgreSQL that is down ends the start with exit code 1 and no stack trace', async () => {
  const port = await findFreePort();
  const { exit, lines } = await failToStart(config, { DATABASE_URL: `postgresql://gw:s3cret@127.0.0.1:${port}/gw` });
  expect(exit).toBe(1);
  const output = lines.join('\n');
  expect(output).toContain(`127.0.0.1:${port}`);
  expect(output).not.toContain('s3cret');
  expect(output).not.toMatch(/^\s+at /m);
});

test('Redis that is down makes a degraded start that says so in /ready and /metrics', async () => {
  const port = await findFreePort();
  const gateway = await startGatewayProcess({ config, env: { REDIS_URL: `redis://127.0.0.1:${port}/0` } });
  try {
    const ready = await fetch(`${gateway.url}/ready`);
    expect(ready.status).toBe(200);
    expect(((await ready.json()) as { degraded: string[] }).degraded).not.toEqual([]);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain('gateway_store_up{store="redis"} 0');
  } finally {
    await gateway.stop();
  }
});

test('a machine without file notifications left starts with one warning, and changes are still taken over', async () => {
  const noWatch =
    "import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';" +
    "fs.watch = () => { throw Object.assign(new Error('inotify'), { code: 'EMFILE' }); }; syncBuiltinESMExports();";
  const gateway = await startGatewayProcess({
    config,
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(noWatch)}` },
  });
  try {
    expect(gateway.lines.filter((line) => line.includes('found by polling'))).toHaveLength(1);
    gateway.writeConfig(`${config}  second: { url: "http://127.0.0.1:9", auth: false, respond: 1 }\n`);
    await until(() => gateway.lines.some((line) => line.includes('reload refused')));
    const ready = (await (await fetch(`${gateway.url}/ready`)).json()) as { degraded: string[] };
    expect(ready.degraded).toContain('config_reload_failed');
    gateway.writeConfig(`${config}  second: { url: "http://127.0.0.1:9" }\n`);
    await until(() => gateway.lines.some((line) => line.includes('configuration reloaded')));
  } finally {
    await gateway.stop();
  }
});

test('the sample master key is refused outside development', async () => {
  const { exit, lines } = await failToStart(config, { MASTER_KEY: 'supersecret' });
  expect(exit).toBe(1);
  expect(lines.join('\n')).toContain('MASTER_KEY');
});
