import type { ServiceKind } from '../lib/service-kind.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Model, ModelCall, ProviderName } from '../exchange/model-call.ts';
import { holds } from '../lib/wildcard-list.ts';
import { LatencyAverage } from './latency-average.ts';
import { Rests } from './rests.ts';

/** What a finished attempt says about its target. `neutral` says nothing and is not reported to the breaker. */
export type AttemptOutcome = 'success' | 'failure' | 'neutral';

const RECENT_MS = 10_000;

/** One address of a service, with everything that is known about it right now. State lives here, per process. */
export class Target {
  /** `host:port`, unique among the targets of its service: the metric label. */
  readonly name: string;
  /** Scheme, host and port: `http://10.0.0.7:8080`. */
  readonly origin: string;
  /** Host and port as written in a `Host` line. */
  readonly authority: string;
  /** The name a TLS connection is opened to and verified for, an address included; `undefined` for plain HTTP. */
  readonly tlsName: string | undefined;
  /** Path prefix of every request; never ends with a slash; may be empty. */
  readonly basePath: string;
  readonly weight: number;
  readonly maxConnections: number;
  readonly provider: ProviderName;
  /** Names of the models it serves, with `*` at the end for any rest; `undefined` = all. */
  readonly models: readonly string[] | undefined;
  /** Whether its API has this path behind its base. */
  readonly takes: (asked: Pick<ModelCall, 'operation' | 'path'>) => boolean;
  /** Upstream credential, sent last so that nothing can replace it. Header name (lower-case) and value. */
  readonly credential: { readonly name: string; readonly value: string } | undefined;

  /** Requests dispatched and not yet finished, streams included. */
  inFlight = 0;
  /** Written by the health prober. */
  isHealthy = true;
  /** Written by the circuit breaker; a half-open target is offered only while its probe slot is free. */
  isAdmitting = true;
  /** Earliest monotonic millisecond at which the breaker may admit again; 0 when closed. */
  admitsAgainAt = 0;
  /** Set by the circuit breaker while it refuses only this caller. */
  heldFor: string | undefined;
  /** What it has asked to be left alone with. */
  readonly rests = new Rests();
  /** To the headers of good answers: refusals are quick and say nothing. */
  readonly latency = new LatencyAverage();
  /** The last attempt that says the target is unwell. */
  private failedAt = Number.NEGATIVE_INFINITY;
  /** Per model of the catalogue, which bounds it. */
  private readonly latencies = new Map<string, LatencyAverage>();

  constructor(fields: {
    name: string;
    origin: string;
    authority: string;
    tlsName?: string | undefined;
    basePath: string;
    weight: number;
    maxConnections: number;
    credential?: { readonly name: string; readonly value: string } | undefined;
    provider?: ProviderName;
    models?: readonly string[] | undefined;
    takes?: Target['takes'];
  }) {
    this.name = fields.name;
    this.origin = fields.origin;
    this.authority = fields.authority;
    this.tlsName = fields.tlsName;
    this.basePath = fields.basePath;
    this.weight = fields.weight;
    this.maxConnections = fields.maxConnections;
    this.credential = fields.credential;
    this.provider = fields.provider ?? 'openai';
    this.models = fields.models;
    this.takes = fields.takes ?? takesAll;
  }

  /** Records a finished attempt: the time until a good answer began, or that the target failed. */
  noteAttempt(outcome: AttemptOutcome, durationMs: number, now: number, model: Model | undefined): void {
    if (outcome === 'failure') this.failedAt = now;
    if (outcome !== 'success') return;
    this.latency.note(durationMs, now);
    if (model?.isListed) this.latencyOf(model.name).note(durationMs, now);
  }

  /** How long this model of the catalogue takes here. */
  latencyOf(model: string): LatencyAverage {
    let average = this.latencies.get(model);
    if (!average) {
      average = new LatencyAverage();
      this.latencies.set(model, average);
    }
    return average;
  }

  /** A target that fails at once must not pass for a fast one. `now` is monotonic milliseconds. */
  hasFailedLately(now: number): boolean {
    return now - this.failedAt < RECENT_MS;
  }

  serves(model: string): boolean {
    return this.models === undefined || holds(this.models, model);
  }

  /** Refused to one caller, and open to this one. */
  isOpenBeside(payer: string | undefined): boolean {
    return this.heldFor !== undefined && this.isHealthy && payer !== this.heldFor;
  }

  /** May be offered a request now. */
  get isAvailable(): boolean {
    return this.isHealthy && this.isAdmitting;
  }
}

function takesAll(): boolean {
  return true;
}

/**
 * Picks a target for the exchange that is available, serves the model and the path asked for and is not in `tried`; falls back to a
 * tried one; `undefined` when none is available.
 */
export type Balancer = (tried: readonly Target[], exchange: BalancedExchange) => Target | undefined;

/** The part of an exchange that a balancer may read. */
export type BalancedExchange = Pick<Exchange, 'edge' | 'principal' | 'clientIp' | 'model' | 'passedOn' | 'payer'>;

/** The targets of one service and the way to choose among them. */
export interface ServiceTargets {
  readonly service: string;
  readonly kind: ServiceKind;
  readonly targets: readonly Target[];
  readonly pick: Balancer;
}

/** One of the candidates, all of which may be offered the request; `undefined` only when there are none. */
export type Choice = (candidates: readonly Target[], exchange: BalancedExchange) => Target | undefined;
