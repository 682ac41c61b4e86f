import { flushCompileCache } from 'node:module';
import type { Flags } from '../../config/env.ts';
import type { RunningGateway } from '../../main.ts';
import { type Samples, startSamples } from '../samples.ts';

interface StartFlags {
  readonly config: string;
  readonly dev?: true;
  readonly host?: string;
  readonly port?: string;
  readonly inferenceUrl?: string;
  readonly rateLimitMinute?: string;
  readonly rateLimitHour?: string;
  readonly corsOrigins?: string;
}

/** Starts the gateway and leaves it running. Throws what an operator has to mend. */
export async function start(options: StartFlags, version: string): Promise<void> {
  const dev = options.dev ?? false;
  const samples = dev ? startSamples() : undefined;
  // The samples start while this process loads the gateway.
  const { ownProcess, startGateway } = await import('../../main.ts');
  const running = await startGateway({ file: options.config, flags: flagsOf(options), dev, version });
  ownProcess(running);
  await announce(running, { dev, version, file: options.config, samples });
}

function flagsOf(options: StartFlags): Flags {
  return {
    '--host': options.host,
    '--port': options.port,
    '--inference-url': options.inferenceUrl,
    '--rate-limit-minute': options.rateLimitMinute,
    '--rate-limit-hour': options.rateLimitHour,
    '--cors-origins': options.corsOrigins,
  };
}

interface Announcement {
  readonly dev: boolean;
  readonly version: string;
  readonly file: string;
  readonly samples: Samples | undefined;
}

async function announce(running: RunningGateway, { dev, version, file, samples }: Announcement): Promise<void> {
  const readyMs = Math.round(process.uptime() * 1000);
  const [{ logSummary }, { flushLogger }] = await Promise.all([
    import('../start-summary.ts'),
    import('../../telemetry/logger.ts'),
  ]);
  const { log, loaded, deps, keys, url } = running;
  logSummary(running, dev);
  log.info(`ready in ${readyMs} ms, listening on ${url}`);
  for (const problem of (await samples?.settled) ?? []) log.warn(problem);
  flushLogger(log);
  if (!keys.shown) return;
  const { renderBanner } = await import('../banner.ts');
  const stores = { database: deps.database.shown, counters: loaded.env.redisUrl ? 'Redis' : 'memory' };
  const facts = { ...keys.shown, ...stores, version, file, readyMs, config: loaded.config };
  process.stdout.write(renderBanner({ ...facts, url: url.replace('//127.0.0.1:', '//localhost:') }));
  // Otherwise written at a clean exit only, and a start that is killed would leave the next one as slow as the first.
  flushCompileCache();
}
