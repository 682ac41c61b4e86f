import { EventEmitter } from 'node:events';
import type { Clock } from '../../lib/clock.ts';
import type { ServiceTargets, Target } from '../../upstream/targets.ts';
import { Breaker, type BreakerChange, type BreakerState } from './breaker.ts';
import type { CircuitBreakerConfig } from './schema.ts';

interface BankSurroundings {
  readonly clock: Clock;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  readonly metrics: {
    service(name: string): { circuitState(target: string, state: BreakerState): void };
  };
  /** Uniform in [0, 1); for jitter. */
  readonly random?: () => number;
}

/** One circuit as an administrator sees it. */
export interface BreakerView {
  readonly service: string;
  readonly target: string;
  readonly state: BreakerState;
  /** Finished calls in the window, and how many of them failed. */
  readonly requests: number;
  readonly failures: number;
  /** Milliseconds until an open circuit lets a probe through; 0 when it is not open. */
  readonly admitsAgainInMs: number;
}

interface ServiceBreakers {
  readonly service: string;
  readonly byName: Map<string, Breaker>;
  readonly holders: Set<ServiceTargets>;
}

/**
 * How long a probe may wait for response headers. A backstop, equal to the default `timeout.first_byte` of the kind (a
 * test compares them): an attempt normally ends by its own deadline first.
 */
export const PROBE_DEADLINE_MS = { http: 60_000, embeddings: 60_000, llm: 600_000 } as const;

const MESSAGES: Readonly<Record<BreakerState, string>> = {
  open: 'circuit opened: the target keeps failing',
  half_open: 'circuit half open: the next request probes the target',
  closed: 'circuit closed: the target is back',
};

/**
 * The circuits of one gateway. They outlive a reload: as long as a service's `circuit_breaker` section reads the same,
 * a target of the same name keeps its circuit, open or not.
 */
export class BreakerBank {
  private readonly surroundings: BankSurroundings;
  private readonly services = new Map<string, ServiceBreakers>();
  private readonly rotations = new Map<number, { readonly emitter: EventEmitter; readonly timer: NodeJS.Timeout }>();

  constructor(surroundings: BankSurroundings) {
    this.surroundings = surroundings;
  }

  /** The circuit of every target, which from now on keeps the targets' availability up to date. */
  of(holder: ServiceTargets, config: CircuitBreakerConfig): ReadonlyMap<Target, Breaker> {
    const key = `${holder.service} ${JSON.stringify(config)}`;
    for (const [otherKey, other] of this.services) if (otherKey !== key) release(other, holder);
    const entry = this.services.get(key) ?? { service: holder.service, byName: new Map(), holders: new Set() };
    this.services.set(key, entry);
    entry.holders.add(holder);
    const breakers = new Map<Target, Breaker>();
    for (const target of holder.targets) {
      const breaker = entry.byName.get(target.name) ?? this.open(holder, target.name, config);
      entry.byName.set(target.name, breaker);
      breaker.serve(target);
      breakers.set(target, breaker);
    }
    return breakers;
  }

  /** Forgets the circuits of services no longer among these. Call it after a configuration has been swapped. */
  retain(live: ReadonlySet<ServiceTargets>): void {
    for (const [key, entry] of this.services) {
      for (const holder of entry.holders) if (!live.has(holder)) release(entry, holder);
      const names = new Set([...entry.holders].flatMap((holder) => holder.targets.map((target) => target.name)));
      for (const [name, breaker] of entry.byName) {
        if (names.has(name)) continue;
        breaker.dispose();
        entry.byName.delete(name);
      }
      if (entry.holders.size === 0) this.services.delete(key);
    }
    this.stopIdleRotations();
  }

  /** Closes the circuit of one target by hand; false when there is no such circuit. */
  reset(service: string, target: string): boolean {
    const found = [...this.services.values()].filter((entry) => entry.service === service && entry.byName.has(target));
    for (const entry of found) entry.byName.get(target)?.reset();
    return found.length > 0;
  }

  views(): BreakerView[] {
    return [...this.services.values()].flatMap(({ service, byName }) =>
      [...byName].map(([target, breaker]) => ({
        service,
        target,
        state: breaker.state,
        ...breaker.counts,
        admitsAgainInMs: breaker.admitsAgainInMs,
      })),
    );
  }

  /** Ends every circuit and timer. */
  close(): void {
    this.retain(new Set());
  }

  private open({ service, kind }: ServiceTargets, target: string, config: CircuitBreakerConfig): Breaker {
    const metrics = this.surroundings.metrics.service(service);
    metrics.circuitState(target, 'closed');
    return new Breaker(config, {
      clock: this.surroundings.clock,
      rotation: this.rotationOf(config.window),
      probeDeadlineMs: PROBE_DEADLINE_MS[kind],
      random: this.surroundings.random ?? Math.random,
      onChange: (change) => {
        metrics.circuitState(target, change.state);
        this.tell(service, target, change);
      },
    });
  }

  private tell(
    service: string,
    target: string,
    { state, requests, failures, openForMs, isForOneCaller }: BreakerChange,
  ): void {
    const fields = {
      service,
      target,
      state,
      requests,
      failures,
      open_for_ms: openForMs,
      for_one_caller: isForOneCaller || undefined,
    };
    if (state === 'open') this.surroundings.log.warn(fields, MESSAGES[state]);
    else this.surroundings.log.info(fields, MESSAGES[state]);
  }

  /** One timer turns the windows of all circuits that look back equally far. */
  private rotationOf(windowMs: number): EventEmitter {
    const known = this.rotations.get(windowMs);
    if (known) return known.emitter;
    const emitter = new EventEmitter();
    emitter.setMaxListeners(0);
    const timer = setInterval(() => emitter.emit('rotate'), windowMs / 10);
    timer.unref();
    this.rotations.set(windowMs, { emitter, timer });
    return emitter;
  }

  private stopIdleRotations(): void {
    for (const [windowMs, { emitter, timer }] of this.rotations) {
      if (emitter.listenerCount('rotate') > 0) continue;
      clearInterval(timer);
      this.rotations.delete(windowMs);
    }
  }
}

/** The holder's targets no longer follow these circuits. */
function release(entry: ServiceBreakers, holder: ServiceTargets): void {
  if (!entry.holders.delete(holder)) return;
  for (const target of holder.targets) entry.byName.get(target.name)?.leave(target);
}
