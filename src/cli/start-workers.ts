import closeWithGrace from 'close-with-grace';
import type { LoadedConfig } from '../config/load.ts';
import { countWorkers } from '../process/fleet/count-workers.ts';
import { Primary } from '../process/fleet/primary.ts';
import { openLog } from '../process/open-log.ts';
import { type StartKeys, startKeys } from '../process/start-keys.ts';
import { flushLogger, type Logger } from '../telemetry/logger.ts';
import { announceDevelopment } from './announce.ts';
import type { Samples } from './samples.ts';
import { logSummary } from './start-summary.ts';
import { UsageError } from './failure.ts';

interface WorkersOptions {
  readonly file: string;
  readonly dev: boolean;
  readonly version: string;
  readonly loaded: LoadedConfig;
  readonly samples: Samples | undefined;
}

/** Time beyond the waits of a shutdown after which a worker is ended by force. */
const LEEWAY_MS = 4000;

/** Starts as many processes as the settings say, and keeps them running until this process is asked to end. */
export async function startWorkers({ file, dev, version, loaded, samples }: WorkersOptions): Promise<void> {
  const { settings } = loaded.config;
  const { grace, drain, flush } = settings.shutdown;
  const log = openLog(settings);
  const keys = startKeys(loaded.env, dev);
  const primary = new Primary({
    workers: countWorkers(settings),
    file,
    env: environmentOf(keys, loaded),
    log,
    ending: dev ? 'at_once' : 'announced',
    stopWithinMs: grace + drain + flush + LEEWAY_MS,
  });
  ownProcess(primary, log);
  const { url, database } = await primary.start().catch(failToStart);
  const readyMs = Math.round(process.uptime() * 1000);
  for (const warning of loaded.warnings) log.warn(warning);
  logSummary({ loaded, log, keys, database }, dev);
  log.info(`ready in ${readyMs} ms, listening on ${url} with ${countWorkers(settings)} processes`);
  for (const problem of (await samples?.settled) ?? []) log.warn(problem);
  flushLogger(log);
  if (keys.shown) await announceDevelopment({ keys: keys.shown, version, file, readyMs, url, database, loaded });
}

/** A worker that could not start has printed the reason. */
function failToStart(): never {
  throw new UsageError('The gateway did not start: a process ended before it accepted requests.');
}

/** What each worker would otherwise make up for itself. */
function environmentOf({ shown, developmentSecret }: StartKeys, { config }: LoadedConfig): Record<string, string> {
  const hasSecret = config.auth.jwt.own.secret !== undefined;
  return {
    ...(shown && { TEST_API_KEY: shown.apiKey, MASTER_KEY: shown.masterKey }),
    ...(developmentSecret && !hasSecret && { SECRET_KEY: developmentSecret.reveal() }),
  };
}

/** SIGHUP reloads, SIGUSR2 replaces the workers one by one, any other signal ends them; a second one does so at once. */
function ownProcess(primary: Primary, log: Logger): void {
  process.on('SIGHUP', () => void primary.reload());
  process.on('SIGUSR2', () => void primary.roll());
  process.once('exit', () => primary.kill());
  closeWithGrace({ delay: false, logger: false, skip: ['SIGHUP', 'SIGUSR2'] }, async ({ err, signal }) => {
    if (err) log.fatal({ err }, 'unexpected exception: ending all workers, then exit 1');
    else log.info({ signal }, 'signal received: what runs may finish, and a second signal ends the gateway at once');
    await primary.stop();
    flushLogger(log);
    if (err) process.exit(1);
  });
}
