import { ConfigError } from '../config/config-error.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { type LoadedConfig, type LoadOptions, loadConfig } from '../config/load.ts';
import type { OpenDependencies } from './open-dependencies.ts';
import { type AuditContext, GATEWAY_CONTEXT } from '../identity/audit/audit-context.ts';
import type { Gateway } from '../gateway.ts';
import type { Logger } from '../telemetry/logger.ts';
import { FileFollower } from '../lib/file-follower.ts';
import { restartNeeded } from './restart-needed.ts';
import type { Sockets } from './sockets.ts';
import type { RevokedExchanges } from './revoked-exchanges.ts';

/** How a reload went. A failed one has changed nothing. */
export type ReloadOutcome =
  | {
      readonly ok: true;
      readonly hash: string;
      /** Settings that differ from those in force and wait for a restart. */
      readonly restartNeeded: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The parts of the process that a reload changes. */
interface ReloadParts {
  readonly gateway: Gateway;
  readonly sockets: Pick<Sockets, 'renewCertificates'>;
  readonly deps: OpenDependencies;
  /** Ends running requests of callers that the new configuration does not know. */
  readonly revoked: RevokedExchanges;
  /** The configuration at the start of the process. */
  readonly started: Pick<LoadedConfig, 'config' | 'env'>;
}

/**
 * Makes the file's present content live: on request, and when the file changes. If the file cannot be used, the old
 * configuration stays in force, and the reason is in the log, in the outcome, in `/ready` and in
 * `gateway_config_reload_success`.
 */
export class Reloader {
  /** Epoch milliseconds of the last configuration that went live. */
  loadedAt: number;

  private readonly options: LoadOptions;
  private readonly gateway: Gateway;
  private readonly revoked: ReloadParts['revoked'];
  private readonly sockets: ReloadParts['sockets'];
  private readonly deps: OpenDependencies;
  private readonly started: ReloadParts['started'];
  private running: Promise<unknown> = Promise.resolve();
  private readonly file: FileFollower;

  constructor(options: LoadOptions, { gateway, sockets, deps, revoked, started }: ReloadParts) {
    this.options = options;
    this.gateway = gateway;
    this.revoked = revoked;
    this.sockets = sockets;
    this.deps = deps;
    this.started = { config: started.config, env: started.env };
    this.loadedAt = deps.clock.now();
    this.file = followConfig(options.file, deps.log, () => this.reload());
    this.report(true);
  }

  /**
   * One reload at a time; a request that comes meanwhile has its turn afterwards, with what the file says then. `by` goes
   * on record.
   */
  reload(by: AuditContext = GATEWAY_CONTEXT): Promise<ReloadOutcome> {
    return this.take(by);
  }

  /** Reloads without an audit record, because another process of this gateway has written it. */
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
      const loaded = await loadConfig(this.options);
      for (const warning of loaded.warnings) this.deps.log.warn(warning);
      await this.makeLive(loaded.config, by);
      this.sockets.renewCertificates();
      return this.succeed(loaded);
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
    this.revoked.note('everything');
    failedAuth.configure(config.settings.failed_auth);
    identity.loginThrottle.configure(config.settings.failed_auth);
    usage.configure(config.settings.usage);
    log.level = config.settings.log.level;
    this.loadedAt = clock.now();
    const after = { previous_config: previous, config: config.hash };
    if (by) await identity.audit.note(by, { action: 'config.reload', subject: 'configuration', after });
  }

  private succeed(loaded: LoadedConfig): ReloadOutcome {
    const { hash } = loaded.config;
    const waiting = restartNeeded(this.started, loaded);
    this.report(true);
    this.deps.log.info({ hash, restart_needed: waiting }, 'configuration reloaded');
    return { ok: true, hash, restartNeeded: waiting };
  }

  private fail(error: unknown): ReloadOutcome {
    const isConfig = error instanceof ConfigError;
    const problems = isConfig ? error.render().trimEnd().split('\n') : ['the configuration could not be compiled'];
    this.report(false);
    if (isConfig) this.deps.log.error({ problems }, 'reload refused: the old configuration stays in use');
    else this.deps.log.error({ err: error }, 'reload failed: the old configuration stays in use');
    return { ok: false, problems };
  }

  private report(success: boolean): void {
    this.deps.metrics.configReload(success);
    this.deps.degradations.set('config_reload_failed', !success);
    this.deps.metrics.configInfo(this.gateway.config.hash);
  }
}

/** Calls back whenever the content of the configuration file has changed. */
export function followConfig(file: string, log: Pick<Logger, 'warn'>, onChange: () => unknown): FileFollower {
  return new FileFollower({
    files: [file],
    onChange,
    onUnwatched: (error) =>
      log.warn({ err: error }, 'configuration changes are found by polling: the system has no file notifications left'),
  });
}
