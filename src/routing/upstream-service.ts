import type { ServiceConfig } from '../config/gateway-config.ts';
import type { TargetConfig } from '../config/schema.ts';
import type { Dependencies } from '../policies/policy-dependencies.ts';
import { findProvider } from '../llm/providers/find-provider.ts';
import type { AnyAttemptPolicy, AnySendPolicy } from '../policies/policy.ts';
import { UPSTREAM_ORDER } from '../policies/registry.ts';
import type { KeyOn } from '../policies/schemas.ts';
import type { Attempt, Send } from '../upstream/attempt.ts';
import { createBalancer } from '../upstream/balancer.ts';
import { createForwarder } from '../upstream/forward.ts';
import { createHandshaker } from '../upstream/handshake.ts';
import { nameTargets } from '../upstream/target-names.ts';
import { HealthProber } from '../upstream/health.ts';
import { type ConnectionBounds, connectorTo, UpstreamPools } from '../upstream/pools.ts';
import { TargetTls } from '../upstream/target-tls.ts';
import { type Balancer, type ServiceTargets, Target } from '../upstream/targets.ts';

/** One service ready to be called: its targets with their pools, probes and breakers, and the chain that uses them. */
export class UpstreamService implements ServiceTargets {
  readonly service: string;
  readonly kind: ServiceConfig['kind'];
  readonly targets: readonly Target[];
  readonly pick: Balancer;
  readonly send: Send;
  /** The same for WebSocket handshakes; resolves to a `Handshake`. */
  readonly sendHandshake: Send;
  /** Runs while the service is part of the configuration in force. */
  prober: HealthProber | undefined;
  private readonly makeProber: () => HealthProber | undefined;
  private readonly pools = new UpstreamPools();

  constructor(config: ServiceConfig, deps: Dependencies, bounds?: ConnectionBounds) {
    this.service = config.name;
    this.kind = config.kind;
    const addresses = config.targets.map(({ url }) => new URL(url));
    const names = nameTargets(addresses);
    this.targets = config.targets.map((target, i) => targetOf(target, addresses[i] as URL, names[i] as string));
    this.pick = createBalancer(config.balance, this.targets);
    const tls = new Map(config.targets.map((target, i) => [this.targets[i], target.tls && new TargetTls(target.tls)]));
    const connectMs = config.timeout.connect;
    for (const target of this.targets) this.pools.open(target, { connectMs, tls: tls.get(target) }, bounds);
    const chain = this.chain(config, deps);
    this.send = chain(createForwarder(this.pools));
    this.sendHandshake = chain(createHandshaker(this.pools));
    const { health } = config;
    this.makeProber = () =>
      health
        ? new HealthProber(this, health, deps, (target) =>
            connectorTo(target, { connectMs: health.timeout, tls: tls.get(target) }),
          )
        : undefined;
  }

  /** Does nothing while the service is already being probed. */
  startProbing(): void {
    if (this.prober) return;
    this.prober = this.makeProber();
    this.prober?.start();
  }

  /** Targets keep the health they have. */
  stopProbing(): void {
    this.prober?.stop();
    this.prober = undefined;
  }

  /** For a service that no exchange can reach any more. Resolves when the last connection has closed. */
  async retire(): Promise<void> {
    this.stopProbing();
    await this.pools.close();
  }

  /** Stops at once. */
  async destroy(): Promise<void> {
    this.stopProbing();
    await this.pools.destroy();
  }

  /** The policies around whatever is attempted: requests and handshakes share breakers and the budget of retries. */
  private chain(config: ServiceConfig, deps: Dependencies): (attempt: Attempt) => Send {
    const [sendPolicy, ...attemptPolicies]: readonly [AnySendPolicy, ...AnyAttemptPolicy[]] = UPSTREAM_ORDER;
    const sectionOf = (name: string) => config[name as KeyOn<'services'>];
    const wraps = attemptPolicies.toReversed().flatMap((policy) => {
      const section = sectionOf(policy.name);
      return section ? [policy.create(section as never, deps, this)] : [];
    });
    const section = sectionOf(sendPolicy.name);
    const send = section ? sendPolicy.create(section as never, deps, this) : sendPolicy.createOff(deps, this);
    return (attempt) => send(wraps.reduce((inner, wrap) => wrap(inner), attempt));
  }
}

function targetOf(config: TargetConfig, url: URL, name: string): Target {
  return new Target({
    name,
    origin: url.origin,
    authority: url.host,
    tlsName: url.protocol === 'https:' ? (config.tls?.server_name ?? url.hostname.replace(/^\[|\]$/g, '')) : undefined,
    basePath: url.pathname.replace(/\/+$/, ''),
    weight: config.weight,
    maxConnections: config.max_connections,
    credential: credentialOf(config),
    provider: config.provider,
    models: config.models.length === 0 ? undefined : config.models,
    takes: (asked) => findProvider(config.provider).pathOf(asked) !== undefined,
  });
}

function credentialOf({ api_key: key, api_key_header: header, provider }: TargetConfig): Target['credential'] {
  if (!key) return undefined;
  if (header !== undefined) return { name: header.toLowerCase(), value: key.reveal() };
  return findProvider(provider).credential(key.reveal());
}
