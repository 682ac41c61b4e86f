import { isDeepStrictEqual } from 'node:util';
import type { EnvironmentSettings } from '../config/environment-settings.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Settings } from '../config/settings-schema.ts';
import { Secret } from '../lib/secret.ts';

/** Settings that are bound to sockets, stores or the log, and cannot be exchanged in a running process. */
const FIXED: Readonly<Record<string, (settings: Settings) => unknown>> = {
  'settings.listen': ({ listen }) => listen,
  'settings.admin.listen': ({ admin }) => admin.listen,
  'settings.metrics.port': ({ metrics }) => metrics.port,
  'settings.log.mask': ({ log }) => log.mask,
  'settings.log.pretty': ({ log }) => log.pretty,
  'settings.limits': ({ limits }) => limits,
  'settings.redis': ({ redis }) => redis,
  'settings.workers': ({ workers }) => workers,
  'settings.data_dir': ({ data_dir }) => data_dir,
};

/** Every variable that is read at the start only; `.env` beside the file is read anew by each reload. */
const VARIABLES: Readonly<Record<keyof EnvironmentSettings, string>> = {
  databaseUrl: 'DATABASE_URL',
  redisUrl: 'REDIS_URL',
  redisAnswersUrl: 'REDIS_ANSWERS_URL',
  masterKey: 'MASTER_KEY',
  masterKeyPrevious: 'MASTER_KEY_PREVIOUS',
  testApiKey: 'TEST_API_KEY',
  debug: 'DEBUG',
};

/** Names of settings that differ from those at the start and wait for a restart. */
export function restartNeeded(
  started: Pick<LoadedConfig, 'config' | 'env'>,
  now: Pick<LoadedConfig, 'config' | 'env'>,
): string[] {
  const settings = Object.entries(FIXED).flatMap(([name, pick]) =>
    isDeepStrictEqual(pick(started.config.settings), pick(now.config.settings)) ? [] : [name],
  );
  const variables = Object.entries(VARIABLES).flatMap(([field, name]) => {
    const key = field as keyof EnvironmentSettings;
    const isSame = plain(started.env[key]) === plain(now.env[key]);
    // The default database is a file in `data_dir`, and moves with it.
    const isNamedAlready = key === 'databaseUrl' && settings.includes('settings.data_dir');
    return isSame || isNamedAlready ? [] : [name];
  });
  return [...settings, ...variables];
}

function plain(value: Secret | boolean | undefined): string | boolean | undefined {
  return value instanceof Secret ? value.reveal() : value;
}
