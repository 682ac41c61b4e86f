// The scripts and descriptions for hosting platforms: run as far as they go without an account.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findExecutable } from '../support/executable.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const SECRETS = { MASTER_KEY: 'mk_very-secret-1', SECRET_KEY: 'sk_very-secret-2', DATABASE_URL: 'postgres://u:pw@h/n' };

describe('scripts', () => {
  const scripts = globSync('deploy/*/*.sh', { cwd: root });
  const shellcheck = findExecutable('shellcheck');
  (shellcheck === undefined ? test.skip : test)('satisfy shellcheck', async () => {
    expect(scripts.length).toBeGreaterThan(2);
    await run(shellcheck ?? '', scripts, { cwd: root });
  });

  test.each([
    [
      'deploy/azure/aci-deploy.sh',
      ['--resource-group', 'rg', '--image', 'r/t:1'],
      /az container create .*--image r\/t:1/,
    ],
    ['deploy/gcp/cloud-run-deploy.sh', ['--project', 'p', '--image', 'r/t:1'], /gcloud run deploy .*--image r\/t:1/],
    [
      'deploy/aws/fargate-deploy.sh',
      ['--cluster', 'c', '--region', 'eu-west-1', '--account', '123456789012', '--image', 'r/t:1'],
      /"image": "r\/t:1"/,
    ],
  ])(
    '%s shows what it would run, without a secret, and refuses an option it does not know',
    async (script, args, expected) => {
      const env = { PATH: process.env['PATH'] ?? '', ...SECRETS };
      const { stdout } = await run('bash', [script, ...args, '--dry-run'], { cwd: root, env });
      expect(stdout).toMatch(expected);
      for (const secret of Object.values(SECRETS)) expect(stdout).not.toContain(secret);
      await expect(run('bash', [script, '--nothing'], { cwd: root, env })).rejects.toMatchObject({ code: 1 });
      await expect(run('bash', [script], { cwd: root, env })).rejects.toMatchObject({
        stderr: expect.stringContaining('--dry-run'),
      });
    },
  );

  test('the Fargate task is registered with the account and region filled in', async () => {
    const args = [
      '--cluster',
      'c',
      '--region',
      'eu-west-1',
      '--account',
      '123456789012',
      '--image',
      'r/t:1',
      '--dry-run',
    ];
    const { stdout } = await run('bash', ['deploy/aws/fargate-deploy.sh', ...args], { cwd: root });
    const task = JSON.parse(stdout.slice(0, stdout.lastIndexOf('}') + 1)) as { containerDefinitions: object[] };
    expect(JSON.stringify(task)).not.toMatch(/ACCOUNT|REGION/);
    expect(task.containerDefinitions[0]).toMatchObject({ readonlyRootFilesystem: true, stopTimeout: 40 });
  });
});

test('every platform waits longer for a shutdown than the shipped one takes', () => {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  const waits = [
    /kill_timeout = '(\d+)s'/.exec(read('fly.toml')),
    /"drainingSeconds": (\d+)/.exec(read('railway.json')),
    /"stopTimeout": (\d+)/.exec(read('deploy/aws/fargate-task.json')),
    /^terminationGracePeriodSeconds: (\d+)/m.exec(read('deploy/helm/turnpike/values.yaml')),
  ].map((found) => Number(found?.[1]));
  for (const seconds of waits) expect(seconds).toBeGreaterThanOrEqual(28);
});

describe('the Lambda function', () => {
  let upstream: Server;
  let folder: string;
  const seen: { url?: string | undefined; headers: Record<string, unknown>; body: string }[] = [];

  beforeAll(async () => {
    folder = makeTempDir('lambda');
    upstream = createServer((req, res) => {
      void text(req).then((body) => {
        seen.push({ url: req.url, headers: req.headers, body });
        res.setHeader('set-cookie', ['a=1', 'b=2']);
        res.end(Buffer.from([0, 255, 1]));
      });
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as AddressInfo;
    writeFileSync(
      join(folder, 'gateway_config.yaml'),
      `settings: { trust_proxy: [loopback] }\nservices: { s: { url: "http://127.0.0.1:${port}" }, open: { url: "http://127.0.0.1:${port}", auth: false } }\n`,
    );
  });
  afterAll(() => {
    upstream.close();
    removeTempDir(folder);
  });

  test('serves events through the gateway: keys, addresses, cookies, binary bodies, and its own answers', async () => {
    const event = (method: string, rawPath: string, more: object = {}): object => ({
      version: '2.0',
      rawPath,
      rawQueryString: 'q=1&q=2',
      headers: { host: 'fn.example', 'x-forwarded-for': '6.6.6.6', 'x-test': 'kept' },
      requestContext: { domainName: 'fn.example', http: { method, sourceIp: '203.0.113.9' } },
      ...more,
    });
    const results = await invoke([
      event('GET', '/s/x'),
      event('POST', '/open/up', {
        body: Buffer.from([1, 2, 3]).toString('base64'),
        isBase64Encoded: true,
        cookies: ['c=1', 'd=2'],
      }),
      event('GET', '/health'),
    ]);
    expect(results.map(({ statusCode }) => statusCode)).toEqual([401, 200, 200]);
    expect(results[1]).toMatchObject({ cookies: ['a=1', 'b=2'], isBase64Encoded: true, body: 'AP8B' });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ url: '/up?q=1&q=2', body: '\u0001\u0002\u0003' });
    expect(seen[0]?.headers).toMatchObject({
      'x-test': 'kept',
      cookie: 'c=1; d=2',
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
    });
  });

  interface Result {
    statusCode: number;
    headers: Record<string, string>;
    body: string;
  }

  /** In a process of its own, as Lambda does: the handler changes the working folder and keeps its gateway. */
  async function invoke(events: readonly object[]): Promise<Result[]> {
    const program = `import { handler } from ${JSON.stringify(join(root, 'src/process/lambda-handler.ts'))};
      const results = [];
      for (const event of ${JSON.stringify(events)}) results.push(await handler(event));
      process.stderr.write(JSON.stringify(results), () => process.exit(0));`;
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program];
    const env = {
      PATH: process.env['PATH'] ?? '',
      TMPDIR: folder,
      TURNPIKE_CONFIG: join(folder, 'gateway_config.yaml'),
    };
    const child = spawn(process.execPath, flags, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
    return JSON.parse(await text(child.stderr)) as Result[];
  }
});
