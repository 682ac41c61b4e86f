import { flushCompileCache } from 'node:module';
import type { LoadedConfig } from '../config/load.ts';
import { areDocsOn } from '../config/settings-schema.ts';
import type { StartKeys } from '../process/start-keys.ts';

interface Announcement {
  readonly keys: NonNullable<StartKeys['shown']>;
  readonly version: string;
  readonly file: string;
  readonly readyMs: number;
  readonly url: string;
  readonly database: string;
  readonly loaded: LoadedConfig;
}

/** Prints what a developer needs after a start. */
export async function announceDevelopment({ keys, url, loaded, ...facts }: Announcement): Promise<void> {
  const { renderBanner } = await import('./banner.ts');
  const counters = loaded.env.redisUrl ? 'Redis' : 'memory';
  const hasDocs = areDocsOn(loaded.config.settings, true);
  const shown = { ...keys, ...facts, counters, hasDocs, config: loaded.config };
  process.stdout.write(renderBanner({ ...shown, url: url.replace('//127.0.0.1:', '//localhost:') }));
  // Otherwise written at a clean exit only, and a start that is killed would leave the next one as slow as the first.
  flushCompileCache();
}
