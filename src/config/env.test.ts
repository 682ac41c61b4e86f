import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadText, problemsOf } from '../../tests/support/load-text.ts';
import { makeTempDir, removeTempDir } from '../../tests/support/temp-dir.ts';
import { processEnvironment } from './env.ts';
import { loadConfig } from './load.ts';

const port = 'settings: { listen: { port: 1000 } }';

describe('what wins', () => {
  const files = {
    '.env': 'SERVER_PORT=2000\nLOG_LEVEL=warn\nSERVER_HOST=1.1.1.1\n',
    'gateway.env': 'SERVER_PORT=3000\nLOG_LEVEL=error\n',
  };

  test('flag, then environment, then <config name>.env, then .env, then file, then default', async () => {
    const env = { SERVER_PORT: '4000' };
    const portOf = async (options: Parameters<typeof loadText>[1]): Promise<number> =>
      (await loadText(port, options)).config.settings.listen.port;
    expect(await portOf({ env, files, flags: { '--port': '5000' } })).toBe(5_000);
    expect(await portOf({ env, files })).toBe(4_000);
    expect(await portOf({ files })).toBe(3_000);
    expect(await portOf({ files: { '.env': 'SERVER_PORT=2000\n' } })).toBe(2_000);
    expect(await portOf({})).toBe(1_000);
    expect((await loadText('{}')).config.settings.listen.port).toBe(8_000);
  });

  test('reading .env files leaves the environment of the process alone', async () => {
    const before = processEnvironment();
    const { config } = await loadText('{}', { files });
    expect(config.settings).toMatchObject({ listen: { host: '1.1.1.1' }, log: { level: 'error' } });
    expect(processEnvironment()).toEqual(before);
  });

  test('SERVER_PORT goes before PORT, LOG_LEVEL before DEBUG', async () => {
    const env = { PORT: '1', SERVER_PORT: '2', DEBUG: 'true', LOG_LEVEL: 'WARNING' };
    expect((await loadText('{}', { env })).config.settings).toMatchObject({
      listen: { port: 2 },
      log: { level: 'warn' },
    });
  });
});

test('a .env that cannot be read is one clear problem', async () => {
  const folder = makeTempDir('env');
  mkdirSync(join(folder, '.env'));
  writeFileSync(join(folder, 'gateway.yaml'), '');
  await expect(loadConfig({ file: join(folder, 'gateway.yaml'), env: {} })).rejects.toMatchObject({
    code: 'CONFIG',
    problems: [{ file: join(folder, '.env'), message: 'the file cannot be read (EISDIR)' }],
  });
  removeTempDir(folder);
});

describe('variables that are settings', () => {
  test.each([
    [{ SERVER_HOST: '127.0.0.1' }, { listen: { host: '127.0.0.1' } }],
    [{ PORT: '9' }, { listen: { port: 9 } }],
    [{ PORT: ' ' }, { listen: { port: 8_000 } }],
    [{ DEBUG: 'true' }, { log: { level: 'debug' } }],
    [{ DEBUG: 'express:*' }, { log: { level: 'info' } }],
    [{ PATTERNS_TO_MASK: 'email,ssn' }, { log: { mask: ['email', 'ssn'] } }],
    [{ ENABLE_PII_MASKING: 'false', PATTERNS_TO_MASK: 'email' }, { log: { mask: [] } }],
    [{ ENABLE_METRICS: 'no', PROMETHEUS_PORT: '9090' }, { metrics: { enabled: false, port: 9_090 } }],
  ])('%j is %j', async (env, settings) => {
    expect((await loadText('{}', { env })).config.settings).toMatchObject(settings);
  });

  test('ALLOWED_ORIGINS sets the origins of defaults and keeps the rest of its cors', async () => {
    const yaml =
      'defaults: { cors: { origins: [http://x], max_age: 1m } }\nservices: { a: { url: "http://localhost:1" } }';
    const { config } = await loadText(yaml, { env: { ALLOWED_ORIGINS: '["http://localhost:3000"]' } });
    expect(config.routes[0]?.policies.cors).toMatchObject({ origins: ['http://localhost:3000'], max_age: 60_000 });
  });

  test('a wrong value is placed at the variable, file or flag that holds it', async () => {
    expect(
      await problemsOf('{}', {
        env: { PORT: 'x' },
        flags: { '--cors-origins': 'x y' },
        files: { '.env': 'LOG_LEVEL=loud' },
      }),
    ).toEqual([
      expect.stringMatching(/^environment: PORT: must be a whole number/),
      expect.stringMatching(/^\.env: LOG_LEVEL: must be one of trace/),
      expect.stringMatching(/^command line: --cors-origins: /),
    ]);
  });
});

describe('flags', () => {
  test('a flag whose variable the file never reads is refused', async () => {
    expect(await problemsOf(port, { flags: { '--inference-url': 'http://x' } })).toEqual([
      'command line: --inference-url: has no effect: the configuration does not contain ${INFERENCE_SERVICE_URL}',
    ]);
  });

  test('a flag whose variable the file reads acts there', async () => {
    const yaml = 'services: { e: { url: "${INFERENCE_SERVICE_URL:-http://localhost:8001}" } }';
    const { config } = await loadText(yaml, { flags: { '--inference-url': 'http://inference:9' } });
    expect(config.services['e']?.targets[0]?.url).toBe('http://inference:9');
  });
});

describe('secrets of the environment', () => {
  test('come as Secret; an unset database is the SQLite file in data_dir', async () => {
    const { env } = await loadText('settings: { data_dir: /var/lib/turnpike }', {
      env: { MASTER_KEY: 'k'.repeat(32), REDIS_URL: '' },
    });
    expect(env.masterKey?.reveal()).toBe('k'.repeat(32));
    expect(env.redisUrl).toBeUndefined();
    expect(env.databaseUrl.reveal()).toBe('sqlite:/var/lib/turnpike/turnpike.db');
  });

  test.each(['supersecret', 'your-secret-key', 'CHANGEME'])('%s as master key needs --dev', async (key) => {
    expect(await problemsOf('{}', { env: { MASTER_KEY: key } })).toEqual([
      expect.stringMatching(
        /^environment: MASTER_KEY: is a sample secret that everybody knows.*openssl rand -base64 24/,
      ),
    ]);
    const { env, warnings } = await loadText('{}', { env: { MASTER_KEY: key }, dev: true });
    expect(env.masterKey?.reveal()).toBe(key);
    expect(warnings).toEqual([expect.stringContaining('MASTER_KEY: is a sample secret')]);
  });

  test.each(['MASTER_KEY', 'MASTER_KEY_PREVIOUS', 'TEST_API_KEY'])(
    '%s has 16 characters or needs --dev',
    async (name) => {
      const [short, long] = ['q7Zt0pLm4Rv9sWx', 'q7Zt0pLm4Rv9sWxK'];
      expect(await problemsOf('{}', { env: { [name]: short } })).toEqual([
        expect.stringMatching(/must have at least 16 characters: openssl rand -base64 24 makes a good one$/),
      ]);
      expect((await loadText('{}', { env: { [name]: long } })).warnings).toEqual([]);
      expect((await loadText('{}', { env: { [name]: short }, dev: true })).warnings).toHaveLength(1);
    },
  );

  test.each([
    'my-super-secret-master-key-2024',
    'sk_live_XXXXXXXXX',
    '1234567890123456',
    '0123456789abcdef0123',
    'sk-1234',
  ])('%s is a sample', async (key) => {
    expect(await problemsOf('{}', { env: { MASTER_KEY: key } })).toEqual([
      expect.stringContaining('is a sample secret'),
    ]);
  });
});
