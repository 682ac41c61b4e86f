// Commands that need no running gateway.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../support/cli.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const config = `services:
  service1:
    url: "http://localhost:5001"
    rate_limit: 100
`;

let folder: string;

beforeEach(() => {
  folder = makeTempDir('cli');
  writeFileSync(join(folder, 'gateway_config.yaml'), config);
});
afterEach(() => removeTempDir(folder));

const run = (...args: string[]) => runCli(folder, args);
const write = (text: string) => writeFileSync(join(folder, 'gateway_config.yaml'), text);

describe('validate', () => {
  test('accepts a correct file without creating anything', async () => {
    const { code, stdout, stderr } = await run('validate');
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'gateway_config.yaml is valid: 1 service, 1 route\n',
      stderr: '',
    });
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  test('reports every mistake with file, line and column, and ends with exit code 1', async () => {
    write(`${config}    rate_limt: 5\nsetings: {}\n`);
    const { code, stdout, stderr } = await run('validate', '--config', 'gateway_config.yaml');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n')).toEqual([
      'gateway_config.yaml:5:5: services.service1.rate_limt: unknown key, did you mean "rate_limit"?',
      'gateway_config.yaml:6:1: setings: unknown key, did you mean "settings"?',
    ]);
  });

  test('names a file that does not exist', async () => {
    const { code, stderr } = await run('validate', '--config', 'nowhere.yaml');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nowhere\.yaml: the file does not exist\. Run "turnpike init"/);
  });
});

describe('explain', () => {
  test('shows where a request goes and where each value comes from', async () => {
    const { code, stdout } = await run('explain', 'get', '/service1/a%7Eb?x=1');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^GET \/service1\/a~b$/m);
    expect(stdout).toMatch(/^to +http:\/\/localhost:5001\/a~b\?x=1$/m);
    expect(stdout).toMatch(/^rate_limit \(service\)\.limits\[0\]\.limit +100 +gateway_config\.yaml:4:17$/m);
    expect(stdout).toMatch(/^timeout\.connect +2s +default$/m);
  });

  test('tells the dialect of the path', async () => {
    write('services: { chat: { kind: llm, url: "http://localhost:5003/v1" } }\n');
    expect((await run('explain', 'POST', '/v1/messages')).stdout).toMatch(/^dialect +anthropic +default$/m);
  });

  test('tells what becomes of a request to a model', async () => {
    write(`services:
  chat:
    kind: llm
    targets: [{ url: "http://o/v1" }, { url: "http://a/v1", provider: anthropic }]
    models: { default: m, aliases: { n: m }, entries: { m: { price: { input_per_million: 2 }, rate_limit: 7 } } }
`);
    const { stdout } = await run('explain', 'POST', '/api/v1/chat/completions/stream');
    expect(stdout).toMatch(/^to +http:\/\/o\/v1\/chat\/completions$/m);
    expect(stdout).toMatch(/^to +http:\/\/a\/v1\/messages$/m);
    expect(stdout).toMatch(/^models\.default +m +gateway_config\.yaml:5:24$/m);
    expect(stdout).toMatch(/^models\.aliases\.n +m /m);
    expect(stdout).toMatch(/^models\.entries\.m\.price\.input_per_million +2 /m);
    expect(stdout).not.toContain('models.entries.m.rate_limit');
    expect((await run('explain', 'POST', '/v1/embeddings')).stdout).toMatch(
      /^to +404: anthropic has no \/embeddings$/m,
    );
    expect((await run('explain', 'GET', '/v1/models/m')).stdout).toMatch(/^to +the models of the service/m);
  });

  test('chooses by host, header and method like the gateway', async () => {
    write(`${config}routes:
  - { name: beta, match: { path: /x, hosts: ["*.example.com"], headers: { x-beta: "1" } }, service: service1 }
  - { name: post, match: { path: /x, methods: [POST] }, service: service1 }
`);
    const beta = await run('explain', 'GET', '/x', '--host', 'api.example.com', '--header', 'X-Beta: 1');
    expect(beta.stdout).toMatch(/^route +beta /m);
    const post = await run('explain', 'POST', '/x');
    expect(post.stdout).toMatch(/^route +post /m);
    const wrong = await run('explain', 'GET', '/x');
    expect(wrong).toMatchObject({ code: 1, stdout: 'GET /x\n405: allowed here are POST\n' });
  });

  test('knows what the gateway answers itself, what nobody answers and what is refused', async () => {
    expect((await run('explain', 'GET', '/admin/keys')).stdout).toBe(
      'GET /admin/keys\nanswered by the gateway itself\n',
    );
    const nobody = await run('explain', 'GET', '/nothing');
    expect(nobody).toMatchObject({ code: 1, stdout: 'GET /nothing\n404: no route matches this host and path\n' });
    const refused = await run('explain', 'GET', '/service1/../admin');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^400 INVALID_PATH: .*\n$/);
  });
});

describe('init', () => {
  test('writes a configuration that is valid and a master key that only the owner may read', async () => {
    const { code } = await run('init', '--config', 'new.yaml');
    expect(code).toBe(0);
    expect(await run('validate', '--config', 'new.yaml')).toMatchObject({ code: 0, stderr: '' });
    const env = readFileSync(join(folder, '.env'), 'utf8');
    expect(env).toMatch(/^MASTER_KEY=mk_[\w-]{43}$/m);
    expect(env).toMatch(/^SECRET_KEY=[\w-]{43}$/m);
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toContain('.env');
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
  });

  test('overwrites nothing, and writes nothing when one of the files exists', async () => {
    const { code, stderr } = await run('init');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'gateway_config.yaml already exists; nothing was written\n',
    });
    expect(readFileSync(join(folder, 'gateway_config.yaml'), 'utf8')).toBe(config);
    expect(existsSync(join(folder, '.env'))).toBe(false);
  });
});

describe('migrate', () => {
  test('lists what the database lacks, brings it up to date, and has nothing to do then', async () => {
    const pending = await run('migrate', '--status');
    expect(pending.stdout).toMatch(/^pending 0001-consumers$/m);
    const done = await run('migrate');
    expect(done.stdout).toBe(pending.stdout.replaceAll('pending', 'done'));
    const file = join(folder, 'data/turnpike.db');
    expect((await run('migrate', '--status')).stdout).toBe(`sqlite:${file} is up to date\n`);
  });

  test('says on one line that an address cannot be read', async () => {
    const { code, stderr } = await runCli(folder, ['migrate'], { DATABASE_URL: 'mysql://gw:s3cret@db/gw' });
    expect(code).toBe(1);
    expect(stderr).toBe('The database address must begin with sqlite: or postgres://\n');
  });
});

test('a mistake in the arguments is one line and exit code 1', async () => {
  const unknown = await run('validate', '--confg', 'x');
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain("unknown option '--confg'");
  const limit = await run('keys', 'create', '--owner', 'alice', '--rate-limit', '100/soon');
  expect(limit.code).toBe(1);
  expect(limit.stderr).toMatch(/^--rate-limit 100\/soon: [^\n]+\n$/);
});
