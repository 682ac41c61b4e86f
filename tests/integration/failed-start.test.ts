import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { startGateway } from '../../src/main.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { findFreePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

test('a start that fails at its last socket leaves no socket, connection or timer behind', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const folder = makeTempDir('failed-start');
  const port = await findFreePort();
  const redis = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(redis, 'listening');
  const file = join(folder, 'gateway_config.yaml');
  writeFileSync(
    file,
    `settings:
  data_dir: ${folder}
  listen: { host: 127.0.0.1, port: ${port} }
  admin: { listen: { host: 127.0.0.1, port: ${(taken.address() as AddressInfo).port} } }
services:
  a: { url: "http://127.0.0.1:9", health: { path: / }, idempotency: {} }
`,
  );
  const env = { REDIS_URL: `redis://127.0.0.1:${(redis.address() as AddressInfo).port}` };
  const log = createLogger({ level: 'silent', pretty: false, mask: [] });
  const connections = (): Promise<number> =>
    new Promise((resolve) => redis.getConnections((_, count) => resolve(count)));
  await expect(startGateway({ file, env, version: '1', log })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await until(async () => (await connections()) === 0);
  redis.close();
  taken.close();
  removeTempDir(folder);
});

test('a start whose database fails closes the connections to Redis it has opened', async () => {
  const redis = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(redis, 'listening');
  let accepted = 0;
  redis.on('connection', () => accepted++);
  const folder = makeTempDir('failed-start');
  const file = join(folder, 'gateway_config.yaml');
  writeFileSync(file, `settings: { data_dir: ${folder} }\nservices: { a: { url: "http://127.0.0.1:9" } }\n`);
  const env = {
    REDIS_URL: `redis://127.0.0.1:${(redis.address() as AddressInfo).port}`,
    DATABASE_URL: `postgres://u:p@127.0.0.1:${await findFreePort()}/d`,
  };
  const log = createLogger({ level: 'silent', pretty: false, mask: [] });
  await expect(startGateway({ file, env, version: '1', log })).rejects.toMatchObject({ code: expect.any(String) });
  const connections = (): Promise<number> =>
    new Promise((resolve) => redis.getConnections((_, count) => resolve(count)));
  await until(async () => accepted > 0 && (await connections()) === 0);
  redis.close();
  removeTempDir(folder);
});
