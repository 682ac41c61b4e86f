// The disk of the database and the usage journal is full, on a real small file system. Needs the right to mount one.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startEcho } from '../../services/echo/server.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const disk = makeTempDir('full-disk');

function mount(): boolean {
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('full-disk: left out, because this user may not mount a file system\n');
    return false;
  }
}

function fill(): void {
  const chunk = Buffer.alloc(64 * 1024);
  for (let i = 0; i < 200; i++) {
    try {
      writeFileSync(join(disk, `fill-${i}`), chunk);
    } catch {
      return;
    }
  }
  throw new Error('the disk was never full');
}

test('traffic goes on while the disk is full, changes are refused with 503, and all is counted once there is room', async () => {
  if (!mount()) return removeTempDir(disk);
  const echo = await startEcho({ port: 0 });
  const gateway = await startGatewayProcess({
    config: `settings: { data_dir: ${disk} }\nservices:\n  echo: { url: "${echo.url}", budget: [{ requests: 1000, every: day }] }\n`,
    timeoutMs: 60_000,
  });
  try {
    const key = await gateway.generateKey('ada');
    fill();
    const call = (): Promise<number> =>
      fetch(`${gateway.url}/echo/`, { headers: { 'x-api-key': key } }).then(async (res) => {
        await res.arrayBuffer();
        return res.status;
      });
    const make = (): Promise<number> =>
      fetch(`${gateway.url}/admin/generate_key`, {
        method: 'POST',
        headers: { 'x-master-key': gateway.masterKey, 'content-type': 'application/json' },
        body: '{"owner":"bob"}',
      }).then(({ status }) => status);
    await until(async () => (await make()) === 503, { timeoutMs: 20_000 });
    expect(await Promise.all(Array.from({ length: 10 }, call))).toEqual(Array.from({ length: 10 }, () => 200));
    for (let i = 0; i < 200; i++) rmSync(join(disk, `fill-${i}`), { force: true });
    await until(async () => (await make()) === 201, { timeoutMs: 20_000 });
    const used = async (): Promise<number> => {
      const res = await fetch(`${gateway.url}/admin/usage`, { headers: { 'x-master-key': gateway.masterKey } });
      const { items } = (await res.json()) as { items: { requests: number }[] };
      return items.reduce((sum, { requests }) => sum + requests, 0);
    };
    await until(async () => (await used()) === 10, { timeoutMs: 20_000 });
  } finally {
    await gateway.stop();
    await echo.close();
    execFileSync('/bin/umount', ['-l', disk]);
    removeTempDir(disk);
  }
}, 120_000);
