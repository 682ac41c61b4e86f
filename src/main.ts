import closeWithGrace from 'close-with-grace';
import { type LoadedConfig, type LoadOptions, loadConfig } from './config/load.ts';
import { type OpenDependencies, openDependencies } from './process/open-dependencies.ts';
import { type StartKeys, startKeys } from './process/start-keys.ts';
import type { Gateway } from './gateway.ts';
import type { Assembly } from './process/assemble.ts';
import { openLog } from './process/open-log.ts';
import type { Reloader } from './process/reload.ts';
import type { FleetMember } from './process/fleet/fleet-member.ts';
import { type Ending, shutDown } from './process/shutdown.ts';
import type { Sockets } from './process/sockets.ts';
import { flushLogger, type Logger } from './telemetry/logger.ts';

/** A gateway that accepts requests. */
export interface RunningGateway {
  /** `http://127.0.0.1:8000`: where the public socket listens, with a wildcard host shown as loopback. */
  readonly url: string;
  readonly gateway: Gateway;
  readonly loaded: LoadedConfig;
  readonly keys: StartKeys;
  readonly reloader: Reloader;
  readonly log: Logger;
  readonly deps: OpenDependencies;
  /** In order: drain, flush, close. Resolves when nothing is left; called again, with what the first call has begun. */
  stop(ending?: Ending): Promise<void>;
}

export interface StartOptions extends LoadOptions {
  /** Version to report. */
  readonly version: string;
  /** Default: a log as the configuration asks for, on standard output. */
  readonly log?: Logger;
  /** What `loadConfig` has made of the same options already. */
  readonly loaded?: LoadedConfig;
  /** This process is one of several: they watch the file together and show one page of metrics. */
  readonly fleet?: FleetMember | undefined;
}

/**
 * Loads the configuration, opens the stores and listens. Rejects with `ConfigError`, `DatabaseError`, or Node's error
 * when the port cannot be had; then nothing is left open: no socket, store, timer or watched file.
 */
export async function startGateway(options: StartOptions): Promise<RunningGateway> {
  const startedAt = Date.now();
  const loaded = options.loaded ?? (await loadConfig(options));
  const { settings } = loaded.config;
  const log = options.log ?? openLog(settings);
  const keys = startKeys(loaded.env, options.dev ?? false);
  let gateway: Gateway | undefined;
  const onStoreFailure = () => (gateway?.config ?? loaded.config).settings.on_store_failure;
  const loading = loadRest();
  // Looked at after the stores: they may fail first.
  loading.catch(() => {});
  const deps = await openDependencies({ ...keys, loaded, log, link: options.fleet?.counters, onStoreFailure });
  let assembly: Assembly | undefined;
  try {
    const assemble = await loading;
    assembly = assemble({ options, loaded, keys, deps, startedAt, fleet: options.fleet });
    ({ gateway } = assembly);
    const { reloader, sockets } = assembly;
    await sockets.open(settings);
    if (!options.fleet) await reloader.watch();
    if (!options.fleet) for (const warning of loaded.warnings) log.warn(warning);
    const running = { gateway, loaded, keys, reloader, log, deps, url: urlOf(sockets, settings.listen) };
    return { ...running, stop: stopOnce(running, sockets, options.dev ?? false) };
  } catch (error) {
    assembly?.reloader.stop();
    assembly?.sockets.destroy();
    await assembly?.gateway.close();
    await deps.close();
    throw error;
  }
}

/**
 * Loads what is not needed to open the stores: half of the program, in time in which the process would only wait for
 * them. In two parts, because a store's answers are read between them.
 */
async function loadRest(): Promise<typeof import('./process/assemble.ts').assemble> {
  await import('./gateway.ts');
  return (await import('./process/assemble.ts')).assemble;
}

/** Ties a running gateway to the process: signals, a last resort for bugs, and the exit code. */
export function ownProcess(running: RunningGateway, { isAlone }: { readonly isAlone: boolean }): void {
  // Of several processes the primary is told, and tells the others.
  process.on('SIGHUP', () => void (isAlone && running.reloader.reload()));
  // The waits of a shutdown are bounded by settings.shutdown; a second signal ends the process at once.
  closeWithGrace({ delay: false, logger: false, skip: ['SIGHUP'] }, async ({ err, signal }) => {
    if (err) running.log.fatal({ err }, 'unexpected exception: draining, then exit 1');
    else
      running.log.info(
        { signal },
        'signal received: what runs may finish, and a second signal ends the gateway at once',
      );
    await running.stop();
    flushLogger(running.log);
    if (err) process.exit(1);
  });
}

function urlOf(sockets: Sockets, listen: LoadedConfig['config']['settings']['listen']): string {
  const port = sockets.addressOf('public')?.port;
  const isWildcard = listen.host === '0.0.0.0' || listen.host === '::';
  const host = isWildcard ? '127.0.0.1' : listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return `${listen.tls ? 'https' : 'http'}://${host}:${port}`;
}

function stopOnce(
  { gateway, reloader, deps }: Omit<RunningGateway, 'stop'>,
  sockets: Sockets,
  dev: boolean,
): RunningGateway['stop'] {
  let stopped: Promise<void> | undefined;
  // In front of a developer's gateway no balancer has to notice anything: Ctrl-C ends it at once.
  return (ending = dev ? 'at_once' : 'announced') => {
    reloader.stop();
    stopped ??= shutDown(gateway, sockets, deps, ending);
    return stopped;
  };
}
