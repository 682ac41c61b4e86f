import type { GatewayConfig } from '../config/gateway-config.ts';
import type { ProcessDependencies } from '../policies/policy-dependencies.ts';
import type { ConfigInUse } from '../exchange/exchange.ts';
import { type Holding, Shelf } from '../lib/shelf.ts';
import { compileConfig, type CompiledConfig, type OwnPaths } from './compile-config.ts';
import type { UpstreamService } from './upstream-service.ts';

/**
 * One configuration from the moment it is live until the last exchange that began with it has ended, whatever that
 * exchange is doing: uploading, queueing, waiting for a store or a retry, streaming, or carrying a tunnel.
 */
export class Generation implements ConfigInUse {
  readonly compiled: CompiledConfig;
  private readonly onUnused: (generation: Generation) => void;
  private exchanges = 0;
  private isReplaced = false;

  constructor(compiled: CompiledConfig, onUnused: (generation: Generation) => void) {
    this.compiled = compiled;
    this.onUnused = onUnused;
  }

  enter(): this {
    this.exchanges++;
    return this;
  }

  leave(): void {
    this.exchanges--;
    if (this.isReplaced && this.exchanges === 0) this.onUnused(this);
  }

  /** Nothing new begins with this configuration. */
  replace(): void {
    this.isReplaced = true;
    if (this.exchanges === 0) this.onUnused(this);
  }
}

/** The configuration in force, and those before it that exchanges still run on. */
export class Generations {
  /** The generation that new exchanges start with. */
  live: Generation;

  private readonly ownPaths: OwnPaths;
  private readonly deps: ProcessDependencies;
  private readonly shelf = new Shelf();
  private readonly inUse = new Set<Generation>();

  /** Throws, and leaves nothing running, when the configuration cannot be compiled. */
  constructor(config: GatewayConfig, ownPaths: OwnPaths, deps: ProcessDependencies) {
    this.ownPaths = ownPaths;
    this.deps = deps;
    this.live = this.build(config);
    this.begin();
  }

  /** Makes another configuration live. Throws, and changes nothing, when it cannot be compiled. */
  replace(config: GatewayConfig): void {
    const before = this.live;
    this.live = this.build(config);
    this.begin();
    // A service that is no longer configured is not probed any more, even while its last requests run.
    const { services } = this.live.compiled;
    for (const service of before.compiled.services.values())
      if (services.get(service.service) !== service) service.stopProbing();
    before.replace();
    this.retainMetrics();
  }

  /** Ends every service at once. */
  async close(): Promise<void> {
    const services = [...this.servicesInUse()];
    await Promise.all(services.map((service) => service.destroy()));
  }

  private build(config: GatewayConfig): Generation {
    const holding = this.shelf.hold();
    try {
      const compiled = compileConfig(config, this.ownPaths, { ...this.deps, shelf: holding });
      return new Generation(compiled, (unused) => this.retire(unused, holding));
    } catch (error) {
      holding.release();
      this.forgetBreakers();
      throw error;
    }
  }

  private begin(): void {
    this.inUse.add(this.live);
    for (const service of this.live.compiled.services.values()) service.startProbing();
  }

  private retire(generation: Generation, holding: Holding): void {
    this.inUse.delete(generation);
    holding.release();
    this.forgetBreakers();
  }

  private forgetBreakers(): void {
    this.deps.breakers.retain(this.servicesInUse());
  }

  private servicesInUse(): Set<UpstreamService> {
    return new Set([...this.inUse].flatMap(({ compiled }) => [...compiled.services.values()]));
  }

  /** Series of services and targets that are no longer configured end with the configuration that named them. */
  private retainMetrics(): void {
    const { services, config } = this.live.compiled;
    const targetsByName = new Map(
      [...services.values()].map(({ service, targets }) => [service, targets.map(({ name }) => name)]),
    );
    // A route that answers itself is counted under its own name.
    for (const { service, name } of config.routes) if (service === undefined) targetsByName.set(name, []);
    this.deps.metrics.retain(targetsByName);
  }
}
