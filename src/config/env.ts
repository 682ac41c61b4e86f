/** The only reader of the environment: everything else is handed what it needs. */

import { readFile } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError } from './config-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process, as it is now. */
export function processEnvironment(): Environment {
  return { ...process.env };
}

/** Command-line flags and the variable each of them sets. */
export const FLAG_VARIABLES = {
  '--host': 'SERVER_HOST',
  '--port': 'SERVER_PORT',
  '--inference-url': 'INFERENCE_SERVICE_URL',
  '--rate-limit-minute': 'RATE_LIMIT_PER_MINUTE',
  '--rate-limit-hour': 'RATE_LIMIT_PER_HOUR',
  '--cors-origins': 'ALLOWED_ORIGINS',
} as const;

export type FlagName = keyof typeof FLAG_VARIABLES;
export type Flags = { readonly [F in FlagName]?: string | undefined };

/** A variable with the place it comes from: `--port`, `environment` or the path of a `.env` file. */
interface Variable {
  readonly value: string;
  readonly source: string;
}

export type Variables = ReadonlyMap<string, Variable>;

/**
 * Every variable a configuration may name. Flags win over the environment, the environment over `<config name>.env`,
 * and that over `.env`; both files stand beside the configuration and may be missing. The process's own environment is
 * left as it is.
 */
export async function gatherVariables(configFile: string, environment: Environment, flags: Flags): Promise<Variables> {
  const folder = dirname(configFile);
  const variables = new Map<string, Variable>();
  for (const file of [join(folder, '.env'), join(folder, `${parse(configFile).name}.env`)]) {
    for (const [name, value] of Object.entries(await readEnvFile(file))) variables.set(name, { value, source: file });
  }
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined) variables.set(name, { value, source: 'environment' });
  }
  for (const [flag, value] of Object.entries(flags)) {
    if (value !== undefined) variables.set(FLAG_VARIABLES[flag as FlagName], { value, source: flag });
  }
  return variables;
}

async function readEnvFile(file: string): Promise<Record<string, string>> {
  try {
    return parseEnv(await readFile(file, 'utf8')) as Record<string, string>;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new ConfigError([
      { file, line: 0, column: 0, path: '', message: `the file cannot be read (${String(code)})` },
    ]);
  }
}
