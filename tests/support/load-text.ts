import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../src/config/config-error.ts';
import { type LoadedConfig, type LoadOptions, loadConfig } from '../../src/config/load.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

interface TextOptions extends Omit<LoadOptions, 'file'> {
  /** Further files beside `gateway.yaml`: name → content. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Loads a configuration given as text, from a folder of its own and with no environment but `env`. */
export async function loadText(yaml: string | Uint8Array, options: TextOptions = {}): Promise<LoadedConfig> {
  const folder = makeTempDir('config');
  try {
    return await loadIn(folder, yaml, options);
  } finally {
    removeTempDir(folder);
  }
}

/** The problems of a configuration that must not load, one line each; files are named without their folder. */
export async function problemsOf(yaml: string | Uint8Array, options: TextOptions = {}): Promise<string[]> {
  const folder = makeTempDir('config');
  try {
    await loadIn(folder, yaml, options);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.render().replaceAll(`${folder}/`, '').split('\n');
  } finally {
    removeTempDir(folder);
  }
}

async function loadIn(folder: string, yaml: string | Uint8Array, options: TextOptions): Promise<LoadedConfig> {
  const { files = {}, ...rest } = options;
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, yaml);
  return loadConfig({ env: {}, ...rest, file });
}
