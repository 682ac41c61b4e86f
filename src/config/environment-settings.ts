import { join } from 'node:path';
import { Secret } from '../lib/secret.ts';
import type { Problem } from './config-error.ts';
import type { Variables } from './env.ts';

/** What comes from the environment alone, because it is secret or differs between machines. */
export interface EnvironmentSettings {
  /** `DATABASE_URL`, or the SQLite file in `settings.data_dir`. */
  readonly databaseUrl: Secret;
  /** `REDIS_URL`; `undefined` means counters in memory. */
  readonly redisUrl: Secret | undefined;
  /** `MASTER_KEY`; `undefined` means the administration interface is off. */
  readonly masterKey: Secret | undefined;
  /** `MASTER_KEY_PREVIOUS`: still accepted, so that the key can be changed without a gap. */
  readonly masterKeyPrevious: Secret | undefined;
  /** `TEST_API_KEY`: accepted as the key of the consumer `dev_user`. */
  readonly testApiKey: Secret | undefined;
}

/** Sample secrets of this and similar projects' documents, and what people type when asked for one. */
const SAMPLE_SECRETS = new Set([
  'supersecret',
  'super-secret',
  'your-secret-key',
  'your-master-key',
  'your_secret_key',
  'your_master_key',
  'changeme',
  'change-me',
  'change_me',
  'secret',
  'password',
  'master',
  'masterkey',
  'master-key',
  'admin',
  'test',
  'example',
  '123456',
  '12345678',
]);

/** Reads what is not in the file; mistakes are added to `problems`. Empty variables count as unset. */
export function readEnvironmentSettings(
  variables: Variables,
  options: { readonly dataDir: string; readonly dev: boolean },
  problems: Problem[],
): EnvironmentSettings {
  const read = (name: string): string | undefined => variables.get(name)?.value.trim() || undefined;
  const secret = (name: string): Secret | undefined => {
    const value = read(name);
    return value === undefined ? undefined : new Secret(value);
  };
  for (const name of ['MASTER_KEY', 'MASTER_KEY_PREVIOUS'] as const) {
    const weakness = options.dev ? undefined : weaknessOf(read(name));
    if (weakness) problems.push(environmentProblem(variables, name, weakness));
  }
  return {
    databaseUrl: secret('DATABASE_URL') ?? new Secret(`sqlite:${join(options.dataDir, 'turnpike.db')}`),
    redisUrl: secret('REDIS_URL'),
    masterKey: secret('MASTER_KEY'),
    masterKeyPrevious: secret('MASTER_KEY_PREVIOUS'),
    testApiKey: secret('TEST_API_KEY'),
  };
}

function weaknessOf(key: string | undefined): string | undefined {
  if (key === undefined || !SAMPLE_SECRETS.has(key.toLowerCase())) return undefined;
  return 'is a sample secret that everybody knows: only --dev accepts it';
}

/** A problem with a variable, placed where the variable was set. */
export function environmentProblem(variables: Variables, name: string, message: string): Problem {
  const source = variables.get(name)?.source ?? 'environment';
  const file = source.startsWith('--') ? 'command line' : source;
  return { file, line: 0, column: 0, path: source.startsWith('--') ? source : name, message };
}
