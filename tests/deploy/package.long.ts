// The tarball that `npm publish` would upload, installed into an empty folder and used from there.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnServer } from '../support/server-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
let folder: string;
let command: string;

beforeAll(async () => {
  folder = makeTempDir('package');
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root });
  const tarball = stdout.trim().split('\n').at(-1) ?? '';
  writeFileSync(join(folder, 'package.json'), '{"name":"empty","version":"1.0.0","private":true}');
  await run('npm', ['install', '--no-audit', '--no-fund', `./${tarball}`], { cwd: folder });
  command = join(folder, 'node_modules/.bin/turnpike');
}, 300_000);
afterAll(() => removeTempDir(folder));

/** With only what a shell has; the Node that runs the tests is the first in PATH. */
const environment = (): Record<string, string> => ({
  PATH: `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}`,
  HOME: folder,
});

describe('the installed package', () => {
  test('is at most 60 MB with all its dependencies', () => {
    expect(sizeOf(join(folder, 'node_modules')) / 1e6).toBeLessThan(60);
  });

  test('init and start serve in an empty folder, and --dev brings the sample services', async () => {
    const work = join(folder, 'work');
    mkdirSync(work);
    const { stdout, stderr } = await run(command, ['init'], { cwd: work, env: environment() });
    expect(stdout).toContain('gateway_config.yaml');
    expect(stderr).toBe('');
    const server = await spawnServer({
      command,
      args: ['start', '--dev', '--port', '0'],
      cwd: work,
      env: environment(),
      ready: /^Try it:/,
      timeoutMs: 30_000,
    });
    try {
      const line = server.lines.find((text) => /service1\/hello/.test(text)) ?? '';
      const [, url = '', key = ''] = /(http:\S+) -H "X-API-Key: ([^"]+)"/.exec(line) ?? [];
      expect(server.lines.filter((text) => text.includes('ExperimentalWarning'))).toEqual([]);
      const res = await fetch(url, { headers: { 'x-api-key': key } });
      expect(res.status).toBe(200);
      const page = await fetch(new URL('/docs', url));
      expect(page.status).toBe(200);
    } finally {
      await server.end('SIGTERM', 20_000);
    }
  });

  test('start says what to do where there is no configuration', async () => {
    const empty = join(folder, 'nothing');
    mkdirSync(empty);
    await expect(run(command, ['start'], { cwd: empty, env: environment() })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('turnpike init'),
    });
  });

  test('an older Node is told which one is needed before anything is loaded', async () => {
    // The entry reads nothing but the version, so a stand-in for an old Node is this Node with another version.
    const preload = join(folder, 'old-node.cjs');
    writeFileSync(
      preload,
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });",
    );
    const env = { ...environment(), NODE_OPTIONS: `--require ${preload}` };
    await expect(run(command, ['start'], { cwd: folder, env })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/needs Node 24\.15 or later.*This is Node 20\.20\.2/s),
    });
  });
});

function sizeOf(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
