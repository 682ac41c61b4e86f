// `turnpike health`: what a container's health check runs, against real gateways.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { runTurnpike } from '../support/turnpike-command.ts';

let folder: string;
let gateway: GatewayProcess | undefined;

beforeEach(() => {
  folder = makeTempDir('health');
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  removeTempDir(folder);
});

const check = (...args: string[]) =>
  runTurnpike(['health', '-c', join(gateway?.folder ?? folder, 'gateway_config.yaml'), ...args], folder);

test('follows TLS and the port, also while the file has a mistake, and says no when the gateway is gone', async () => {
  const certificates = join(import.meta.dirname, '../support/certificates');
  const cert = join(certificates, 'localhost.pem');
  const key = join(certificates, 'localhost.key');
  const config = `settings: { listen: { tls: { cert: "${cert}", key: "${key}" } } }
services: { a: { url: "http://127.0.0.1:9" } }`;
  gateway = await startGatewayProcess({ config });
  expect(gateway.url).toMatch(/^https:/);
  expect(await check()).toMatchObject({ exit: 0, stdout: 'healthy' });
  const file = join(gateway.folder, 'gateway_config.yaml');
  writeFileSync(`${file}.new`, 'services: [');
  renameSync(`${file}.new`, file);
  expect(await check()).toMatchObject({ exit: 0 });
  await gateway.kill();
  expect(await check()).toMatchObject({ exit: 1, stderr: expect.stringContaining('ECONNREFUSED') });
});

test('says what is missing where no gateway was started, and asks the address it is given', async () => {
  const none = await check();
  expect(none.exit).toBe(1);
  expect(none.stderr).toContain('--url');
  expect(await check('--url', 'http://127.0.0.1:1')).toMatchObject({ exit: 1 });
});
