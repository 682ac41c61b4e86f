import { hash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.ts';

const root = join(import.meta.dirname, '../..');
const files = globSync(['gateway_config.yaml', 'examples/*.yaml'], { cwd: root });
const [cert, key] = ['localhost.pem', 'localhost.key'].map((name) => join(root, 'tests/support/certificates', name));
const secret = 'nobody-knows-this-one-0123456789abcdef';
const env = {
  ...{ TLS_CERT: cert, TLS_KEY: key, PAYMENTS_CA: cert, PAYMENTS_CERT: cert, PAYMENTS_KEY: key },
  ...{ SECRET_KEY: secret, JWT_SECRET_KEY: secret },
};

test.each(files)('%s loads, and warns of nothing but sign-up where it opens it', async (file) => {
  const { config, warnings } = await loadConfig({ file: join(root, file), env });
  const isOpen = config.settings.accounts.signup === 'open';
  expect(warnings).toEqual(isOpen ? [expect.stringContaining('settings.accounts.signup')] : []);
  expect(config.routes.length).toBeGreaterThan(0);
});

test('the shipped configuration reads every flag that fills a value', async () => {
  const flags = {
    '--inference-url': 'http://inference:1',
    '--rate-limit-minute': '7',
    '--rate-limit-hour': '70',
    '--host': '127.0.0.1',
    '--port': '9',
    '--cors-origins': 'https://o.example',
  };
  const { config } = await loadConfig({ file: join(root, 'gateway_config.yaml'), env: {}, flags });
  expect(config.services['embeddings']?.targets[0]?.url).toBe('http://inference:1');
  const embeddings = config.routes.find((route) => route.name === 'embeddings');
  const ofService = embeddings?.policies.limits.find(({ level }) => level === 'service');
  expect(ofService?.rate_limit.limits.map(({ limit }) => limit)).toEqual([7, 70]);
  expect(config.settings.listen).toMatchObject({ host: '127.0.0.1', port: 9 });
  expect(embeddings?.policies.cors?.origins).toEqual(['https://o.example']);
});

test('no file holds the hash of a key that can be guessed', () => {
  const words = ['', 'test', 'key', 'secret', 'password', 'example', 'changeme', 'demo', 'turnpike', 'admin', 'foo'];
  const guesses = new Set(words.map((word) => hash('sha256', word, 'hex')));
  const hashes = files.flatMap((file) => readFileSync(join(root, file), 'utf8').match(/[0-9a-f]{64}/g) ?? []);
  expect(hashes.length).toBeGreaterThan(0);
  expect(hashes.filter((value) => guesses.has(value))).toEqual([]);
});
