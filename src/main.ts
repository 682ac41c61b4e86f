import closeWithGrace from 'close-with-grace';
import { createOwnEndpoints } from './api/own-endpoints.ts';
import { type LoadedConfig, type LoadOptions, loadConfig } from './config/load.ts';
import { type OpenDependencies, openDependencies } from './dependencies.ts';
import { type StartKeys, startKeys } from './process/start-keys.ts';
import { Gateway } from './gateway.ts';
import { Reloader } from './process/reload.ts';
import { shutDown } from './process/shutdown.ts';
import { Sockets } from './process/sockets.ts';
import { createLogger, flushLogger, type Logger } from './telemetry/logger.ts';

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
  /** In order: drain, flush, close. Resolves when nothing is left; at once when called again. */
  stop(): Promise<void>;
}

export interface StartOptions extends LoadOptions {
  /** Version to report. */
  readonly version: string;
  /** Default: a log as the configuration asks for, on standard output. */
  readonly log?: Logger;
}

/**
 * Loads the configuration, opens the stores and listens. Rejects, with everything closed again, with `ConfigError`,
 * `DatabaseError`, or Node's error when the port cannot be had.
 */
export async function startGateway(options: StartOptions): Promise<RunningGateway> {
  const startedAt = Date.now();
  const loaded = await loadConfig(options);
  const { settings } = loaded.config;
  const log = options.log ?? createLogger({ ...settings.log, pretty: isPretty(settings.log.pretty) });
  const keys = startKeys(loaded.env, options.dev ?? false);
  let gateway: Gateway | undefined;
  const onStoreFailure = () => (gateway?.config ?? loaded.config).settings.on_store_failure;
  const deps = await openDependencies({ ...keys, loaded, log, onStoreFailure });
  try {
    const own = createOwnEndpoints({
      deps,
      identity: deps.identity,
      gateway: () => gateway as Gateway,
      masterKeys: keys.masterKeys,
      opensTokenEndpoint: (options.dev ?? false) && loaded.env.debug,
      reload: (by) => reloader.reload(by),
      degraded: () => deps.degradations.list(),
      stores: () => deps.degradations.stores(),
      startedAt,
      configLoadedAt: () => reloader.loadedAt,
      version: options.version,
    });
    gateway = new Gateway(loaded.config, own, deps);
    const reloader: Reloader = new Reloader(options, gateway, deps);
    const sockets = new Sockets(gateway, log);
    await sockets.open(settings);
    await reloader.watch();
    for (const warning of loaded.warnings) log.warn(warning);
    const running = { gateway, loaded, keys, reloader, log, deps, url: urlOf(sockets, settings.listen) };
    return { ...running, stop: stopOnce(running, sockets, options.dev ?? false) };
  } catch (error) {
    await gateway?.close();
    await deps.close();
    throw error;
  }
}

/** Ties a running gateway to the process: signals, a last resort for bugs, and the exit code. */
export function ownProcess(running: RunningGateway): void {
  process.on('SIGHUP', () => void running.reloader.reload());
  // The waits of a shutdown are bounded by settings.shutdown; a second signal ends the process at once.
  closeWithGrace({ delay: false, logger: false }, async ({ err, signal }) => {
    if (err) running.log.fatal({ err }, 'unexpected exception: draining, then exit 1');
    else running.log.info({ signal }, 'signal received');
    await running.stop();
    flushLogger(running.log);
    if (err) process.exit(1);
  });
}

function isPretty(setting: 'auto' | 'on' | 'off'): 'auto' | boolean {
  return setting === 'auto' ? setting : setting === 'on';
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
): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    reloader.stop();
    const { shutdown } = gateway.config.settings;
    // In front of a developer's gateway no balancer has to notice anything: Ctrl-C ends it at once.
    stopped ??= shutDown(gateway, sockets, deps, dev ? { ...shutdown, grace: 0 } : shutdown);
    return stopped;
  };
}
