import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { type LoadOptions, loadConfig } from '../config/load.ts';
import type { OpenDependencies } from '../dependencies.ts';
import { type AuditContext, GATEWAY_CONTEXT } from '../identity/audit/audit-context.ts';
import type { Gateway } from '../gateway.ts';
import { ConfigWatch } from './config-watch.ts';

/** How a reload went. A failed one has changed nothing. */
export type ReloadOutcome =
  | {
      readonly ok: true;
      readonly hash: string;
      /** Settings that differ from those in force and wait for a restart. */
      readonly restartNeeded: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/** What is bound to sockets and stores and cannot be exchanged in a running process. */
const FIXED: Readonly<Record<string, (config: GatewayConfig) => unknown>> = {
  'settings.listen': ({ settings }) => settings.listen,
  'settings.admin.listen': ({ settings }) => settings.admin.listen,
  'settings.metrics.port': ({ settings }) => settings.metrics.port,
  'settings.limits': ({ settings }) => settings.limits,
  'settings.redis': ({ settings }) => settings.redis,
  'settings.workers': ({ settings }) => settings.workers,
  'settings.data_dir': ({ settings }) => settings.data_dir,
};

/**
 * Makes the file's present content live: on request, and when the file changes. A file that cannot be used leaves the
 * configuration in force as it is and says why in the log, in the outcome and in `gateway_config_reload_success`.
 */
export class Reloader {
  /** Epoch milliseconds of the last configuration that went live. */
  loadedAt: number;

  private readonly options: LoadOptions;
  private readonly gateway: Gateway;
  private readonly deps: OpenDependencies;
  private readonly started: GatewayConfig;
  private running: Promise<unknown> = Promise.resolve();
  private readonly file: ConfigWatch;

  constructor(options: LoadOptions, gateway: Gateway, deps: OpenDependencies) {
    this.options = options;
    this.gateway = gateway;
    this.deps = deps;
    this.started = gateway.config;
    this.loadedAt = deps.clock.now();
    this.file = new ConfigWatch({
      file: options.file,
      onChange: () => this.reload(),
      onFailure: (error) => deps.log.warn({ err: error }, 'the configuration is no longer watched'),
    });
    this.report(true);
  }

  /**
   * One reload at a time; a request that comes meanwhile has its turn afterwards, with what the file says then. `by` goes
   * on record.
   */
  reload(by: AuditContext = GATEWAY_CONTEXT): Promise<ReloadOutcome> {
    return this.take(by);
  }

  /** The same, when another process of this gateway has put it on record. */
  follow(): Promise<ReloadOutcome> {
    return this.take(undefined);
  }

  /** Reloads whenever the content of the file changes. */
  watch(): Promise<void> {
    return this.file.start();
  }

  stop(): void {
    this.file.stop();
  }

  private take(by: AuditContext | undefined): Promise<ReloadOutcome> {
    const turn = this.running.then(() => this.load(by));
    this.running = turn;
    return turn;
  }

  private async load(by: AuditContext | undefined): Promise<ReloadOutcome> {
    try {
      const { config, warnings } = await loadConfig(this.options);
      for (const warning of warnings) this.deps.log.warn(warning);
      await this.makeLive(config, by);
      return this.succeed(config);
    } catch (error) {
      return this.fail(error);
    }
  }

  private async makeLive(config: GatewayConfig, by: AuditContext | undefined): Promise<void> {
    const previous = this.gateway.config.hash;
    this.gateway.apply(config);
    const { directory, failedAuth, identity, log, clock, tokens, usage } = this.deps;
    directory.setFileConsumers(config.consumers);
    tokens.configure(config);
    failedAuth.configure(config.settings.failed_auth);
    identity.loginThrottle.configure(config.settings.failed_auth);
    usage.configure(config.settings.usage);
    log.level = config.settings.log.level;
    this.loadedAt = clock.now();
    const after = { previous_config: previous, config: config.hash };
    if (by) await identity.audit.note(by, { action: 'config.reload', subject: 'configuration', after });
  }

  private succeed(config: GatewayConfig): ReloadOutcome {
    const restartNeeded = Object.keys(FIXED).filter(
      (name) => !isDeepStrictEqual(FIXED[name]?.(config), FIXED[name]?.(this.started)),
    );
    this.report(true);
    this.deps.log.info({ hash: config.hash, restart_needed: restartNeeded }, 'configuration reloaded');
    return { ok: true, hash: config.hash, restartNeeded };
  }

  private fail(error: unknown): ReloadOutcome {
    const isConfig = error instanceof ConfigError;
    const problems = isConfig ? error.render().trimEnd().split('\n') : ['the configuration could not be compiled'];
    this.report(false);
    if (isConfig) this.deps.log.error({ problems }, 'reload refused: the configuration in force stays');
    else this.deps.log.error({ err: error }, 'reload failed: the configuration in force stays');
    return { ok: false, problems };
  }

  private report(success: boolean): void {
    this.deps.metrics.configReload(success);
    this.deps.degradations.set('config_reload_failed', !success);
    this.deps.metrics.configInfo(this.gateway.config.hash);
  }
}
