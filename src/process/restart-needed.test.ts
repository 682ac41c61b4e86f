import { expect, test } from '@jest/globals';
import { loadText } from '../../tests/support/load-text.ts';
import { SettingsSchema } from '../config/settings-schema.ts';
import { restartNeeded } from './restart-needed.ts';

/** Settings a reload takes over. A new setting belongs here or into the list of those that wait for a restart. */
const TAKEN_OVER = [
  'rate_period',
  'rate_limit',
  'budget',
  'cors',
  'price_list',
  'accounts',
  'failed_auth',
  'trust_proxy',
  'on_store_failure',
  'dialect',
  'docs',
  'limit_headers',
  'shutdown',
  'usage',
];

const TEXT = (settings: string): string =>
  `settings: { ${settings} }\nservices: { a: { url: "http://127.0.0.1:1" } }\n`;

test('names every setting that waits for a restart, and no other', async () => {
  const started = await loadText(TEXT('log: { level: info }'));
  const changed = await loadText(
    TEXT(
      'listen: { port: 1 }, admin: { listen: { port: 2 } }, metrics: { port: 3 }, log: { mask: [email], pretty: "on", level: debug }, ' +
        'limits: { connections: 7 }, redis: { prefix: "x:" }, workers: 2, data_dir: ./other, dialect: openai, trust_proxy: [10.0.0.0/8]',
    ),
  );
  const names = restartNeeded(started, changed);
  expect(names).toEqual(
    expect.arrayContaining([
      'settings.listen',
      'settings.admin.listen',
      'settings.metrics.port',
      'settings.log.mask',
      'settings.log.pretty',
      'settings.limits',
      'settings.redis',
      'settings.workers',
      'settings.data_dir',
    ]),
  );
  expect(names.filter((name) => !name.startsWith('settings.'))).toEqual([]);
  expect(restartNeeded(started, await loadText(TEXT('log: { level: debug }, docs: "on"')))).toEqual([]);
  const known = new Set([...TAKEN_OVER, ...names.map((name) => name.split('.')[1])]);
  expect(Object.keys(SettingsSchema.properties).filter((name) => !known.has(name))).toEqual([]);
});

test('names the variables that are read at the start only', async () => {
  const started = await loadText(TEXT(''), { env: { MASTER_KEY: 'mk_0123456789abcdef', REDIS_URL: 'redis://a' } });
  const changed = await loadText(TEXT(''), {
    env: { MASTER_KEY: 'mk_other456789abcdef', DATABASE_URL: 'sqlite:x.db' },
  });
  expect(restartNeeded(started, changed)).toEqual(['DATABASE_URL', 'REDIS_URL', 'MASTER_KEY']);
  expect(JSON.stringify(restartNeeded(started, changed))).not.toContain('mk_');
});
