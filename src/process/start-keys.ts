import { randomBytes } from 'node:crypto';
import type { EnvironmentSettings } from '../config/environment-settings.ts';
import { generateApiKey } from '../identity/api-key-format.ts';
import type { MemoryKey } from '../identity/known-key.ts';
import { makeTokenSecret } from '../identity/tokens/own-key.ts';
import { Secret } from '../lib/secret.ts';

/** Owner of the keys that exist in memory only. */
const DEVELOPMENT_OWNER = 'dev_user';

/** Keys a process starts with besides those in the file and in the database. */
export interface StartKeys {
  /** Accepted as master key, the current one first; empty = the administration interface is off. */
  readonly masterKeys: readonly Secret[];
  readonly memoryKeys: readonly MemoryKey[];
  /** At a development start: signs tokens while no secret is configured. */
  readonly developmentSecret: Secret | undefined;
  /** Shown once at a development start. */
  readonly shown: { readonly apiKey: string; readonly masterKey: string } | undefined;
}

/**
 * Keys given by the environment and, at a development start, random ones for those not given: they live in memory,
 * last until the process ends, and are the only ones ever printed.
 */
export function startKeys(env: EnvironmentSettings, dev: boolean): StartKeys {
  const apiKey = env.testApiKey?.reveal() ?? (dev ? generateApiKey('dev').text : undefined);
  const masterKey = env.masterKey?.reveal() ?? (dev ? `mk_${randomBytes(24).toString('base64url')}` : undefined);
  const masterKeys = [masterKey === undefined ? undefined : new Secret(masterKey), env.masterKeyPrevious];
  return {
    masterKeys: masterKeys.filter((key) => key !== undefined),
    memoryKeys: apiKey === undefined ? [] : [{ text: apiKey, owner: DEVELOPMENT_OWNER }],
    developmentSecret: dev ? new Secret(makeTokenSecret()) : undefined,
    shown: dev && apiKey !== undefined && masterKey !== undefined ? { apiKey, masterKey } : undefined,
  };
}
