import type { EventEmitter } from 'node:events';
import CircuitBreaker from 'opossum';
import type { Clock } from '../../lib/clock.ts';
import type { AttemptOutcome } from '../../upstream/targets.ts';
import type { Target } from '../../upstream/targets.ts';
import type { CircuitBreakerConfig } from './schema.ts';
import { type BreakerCaller, type SeenFailure, Witnesses } from './witnesses.ts';

export type BreakerState = 'closed' | 'half_open' | 'open';

/** One change of state, with the counts of the window that led to it. */
export interface BreakerChange {
  readonly state: BreakerState;
  readonly requests: number;
  readonly failures: number;
  /** Milliseconds until the first probe; only when `open`. */
  readonly openForMs: number | undefined;
  /** The circuit is open for the one caller who has seen the failures, and for nobody else. */
  readonly isForOneCaller: boolean;
}

export interface BreakerSurroundings {
  readonly clock: Clock;
  /** Emits `rotate` once per tenth of the window. */
  readonly rotation: EventEmitter;
  /** A probe that has not ended after so many milliseconds counts as failed. */
  readonly probeDeadlineMs: number;
  readonly random: () => number;
  readonly onChange: (change: BreakerChange) => void;
}

const BUCKETS = 10;
const LONGEST_OPEN_MS = 300_000;
/** opossum compares strictly; this makes exactly `error_percent` open the circuit. */
const BELOW = 1e-9;

/** Instead of a generation: of a call that passes beside an open circuit. */
const BESIDE = -1;
const NOBODY: BreakerCaller = { payer: '' };

const FAILED = new Error('the attempt failed');

/** What opossum has but its published types leave out. */
type Circuit = CircuitBreaker<[], never> & {
  readonly options: { resetTimeout: number };
  readonly status: { rotateBucket(): void };
};

/**
 * The circuit of one target. opossum keeps the rolling window, the states and the reset timer, but never sees a call:
 * it is told finished outcomes only, so calls still running neither dilute the failure rate nor hold the probe slot,
 * and outcomes that say nothing about the target are simply not reported.
 */
export class Breaker {
  private readonly config: CircuitBreakerConfig;
  private readonly surroundings: BreakerSurroundings;
  private readonly circuit: Circuit;
  private readonly targets = new Set<Target>();
  /** Raised by every change of state: results of calls admitted before it are void. */
  private generation = 0;
  private readonly witnesses: Witnesses;
  /** Set while the circuit is open for this caller alone. */
  private heldFor: string | undefined;
  private isProbing = false;
  private probeTimer: NodeJS.Timeout | undefined;
  private openings = 0;
  private admitsAgainAt = 0;

  constructor(config: CircuitBreakerConfig, surroundings: BreakerSurroundings) {
    this.config = config;
    this.surroundings = surroundings;
    this.witnesses = new Witnesses(config.window);
    this.circuit = new CircuitBreaker(fail, {
      timeout: false,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rollingCountTimeout: config.window,
      rollingCountBuckets: BUCKETS,
      rotateBucketController: surroundings.rotation,
      volumeThreshold: config.min_requests,
      errorThresholdPercentage: config.error_percent - BELOW,
      resetTimeout: this.nextOpenMs(),
    }) as Circuit;
    this.circuit.on('open', () => this.onOpen());
    this.circuit.on('halfOpen', () => this.onHalfOpen());
    this.circuit.on('close', () => this.onClose());
  }

  get state(): BreakerState {
    if (this.circuit.halfOpen) return 'half_open';
    return this.circuit.opened ? 'open' : 'closed';
  }

  /**
   * Lets one call through, or not (`undefined`). Half open, exactly one call is let through at a time. The caller must
   * settle what it was given; a probe that is not settled within its deadline counts as failed. While only one caller has
   * seen the target fail, others pass.
   */
  admit(caller: BreakerCaller = NOBODY): Admission | undefined {
    if (this.circuit.closed || this.circuit.isShutdown) return new Admission(this, this.generation, caller);
    if (this.heldFor !== undefined && caller.payer !== this.heldFor) return new Admission(this, BESIDE, caller);
    if (!this.circuit.halfOpen || this.isProbing) return undefined;
    const probe = new Admission(this, this.generation, caller);
    this.isProbing = true;
    this.probeTimer = setTimeout(() => probe.settle('failure'), this.surroundings.probeDeadlineMs);
    this.probeTimer.unref();
    this.publish();
    return probe;
  }

  /** Takes the outcome of a call admitted in this generation; later ones are ignored. */
  finish(generation: number, outcome: AttemptOutcome, failure?: SeenFailure): void {
    if (generation === BESIDE) {
      if (outcome === 'failure') this.closeToAll();
      return;
    }
    if (generation !== this.generation) return;
    if (this.isProbing) this.freeProbeSlot();
    if (outcome === 'success') this.countSuccess();
    else if (outcome === 'failure') {
      this.witness(failure);
      this.circuit.fire().catch(ignore);
    }
  }

  /** Turns a call already counted as success into a failure: its body broke off after the headers. */
  finishBroken(generation: number, failure?: SeenFailure): void {
    if (generation === BESIDE) return this.closeToAll();
    if (generation !== this.generation) return;
    this.witness(failure);
    this.circuit.emit('failure', FAILED, 0, []);
    const { fires, failures } = this.circuit.stats;
    const isOverShare = (failures / fires) * 100 > this.config.error_percent - BELOW;
    if (fires >= this.config.min_requests && isOverShare) this.circuit.open();
  }

  /** Keeps this target's availability in step with the circuit from now on. */
  serve(target: Target): void {
    this.targets.add(target);
    this.publish();
  }

  /** Stops doing so; the target is left available. */
  leave(target: Target): void {
    if (!this.targets.delete(target)) return;
    target.isAdmitting = true;
    target.admitsAgainAt = 0;
    target.heldFor = undefined;
  }

  /** Closes the circuit and forgets the window, whatever is known about the target. */
  reset(): void {
    if (this.circuit.closed) this.clearWindow();
    else this.circuit.close();
  }

  /** Stops every timer. Calls still running end unreported, and nothing is refused any more. */
  dispose(): void {
    this.generation += 1;
    clearTimeout(this.probeTimer);
    for (const target of this.targets) this.leave(target);
    this.circuit.shutdown();
  }

  /** Counts of the current window. */
  get counts(): { requests: number; failures: number } {
    const { fires, failures } = this.circuit.stats;
    return { requests: fires, failures };
  }

  /** Milliseconds until an open circuit lets a probe through; 0 when it is not open. */
  get admitsAgainInMs(): number {
    return this.circuit.opened ? Math.max(0, this.admitsAgainAt - this.surroundings.clock.monotonic()) : 0;
  }

  /**
   * Counts a success and closes a half-open circuit by the events `fire` would emit: a third of its cost, as it makes
   * no promise. Only a failure needs the verdict that `fire` computes.
   */
  private countSuccess(): void {
    this.circuit.emit('fire');
    this.circuit.emit('success', undefined, 0);
  }

  private onOpen(): void {
    // opossum has just started its timer with this value; it reads the next one at the next opening.
    const openForMs = this.circuit.options.resetTimeout;
    this.openings += 1;
    this.circuit.options.resetTimeout = this.nextOpenMs();
    const now = this.surroundings.clock.monotonic();
    this.admitsAgainAt = now + openForMs;
    this.heldFor = this.witnesses.sole(now);
    this.change('open', openForMs);
  }

  private onHalfOpen(): void {
    this.change('half_open');
  }

  private onClose(): void {
    this.openings = 0;
    this.circuit.options.resetTimeout = this.nextOpenMs();
    this.admitsAgainAt = 0;
    this.heldFor = undefined;
    this.change('closed');
    // Otherwise the failures of the outage would open the circuit again at the first new one.
    this.clearWindow();
  }

  private change(state: BreakerState, openForMs?: number): void {
    this.generation += 1;
    this.isProbing = false;
    clearTimeout(this.probeTimer);
    this.publish();
    this.surroundings.onChange({ state, ...this.counts, openForMs, isForOneCaller: this.heldFor !== undefined });
  }

  private witness(failure: SeenFailure | undefined): void {
    if (failure) this.witnesses.note(failure, this.surroundings.clock.monotonic());
  }

  /** Another caller has seen the target fail, too. */
  private closeToAll(): void {
    if (this.heldFor === undefined) return;
    this.heldFor = undefined;
    this.publish();
    this.surroundings.onChange({
      state: this.state,
      ...this.counts,
      openForMs: this.admitsAgainInMs,
      isForOneCaller: false,
    });
  }

  private freeProbeSlot(): void {
    clearTimeout(this.probeTimer);
    this.isProbing = false;
    this.publish();
  }

  private publish(): void {
    const isAdmitting = this.circuit.closed || (this.circuit.halfOpen && !this.isProbing);
    for (const target of this.targets) {
      target.isAdmitting = isAdmitting;
      target.admitsAgainAt = this.admitsAgainAt;
      target.heldFor = this.heldFor;
    }
  }

  /** Doubles with every failed probe; a fifth of jitter either way keeps several gateways from probing in step. */
  private nextOpenMs(): number {
    const jitter = 0.8 + 0.4 * this.surroundings.random();
    return Math.min(LONGEST_OPEN_MS, Math.round(this.config.open_for * 2 ** this.openings * jitter));
  }

  private clearWindow(): void {
    for (let i = 0; i < BUCKETS; i++) this.circuit.status.rotateBucket();
  }
}

/** The right to make one call, and the duty to say how it ended. */
export class Admission {
  private readonly breaker: Breaker;
  private readonly generation: number;
  private readonly caller: BreakerCaller;
  private outcome: AttemptOutcome | undefined;

  constructor(breaker: Breaker, generation: number, caller: BreakerCaller) {
    this.breaker = breaker;
    this.generation = generation;
    this.caller = caller;
  }

  /** Reports how the call ended: at the response headers, or at the failure. Only the first report counts. */
  settle(outcome: AttemptOutcome, isPlain = false): void {
    if (this.outcome) return;
    this.outcome = outcome;
    const failure = outcome === 'failure' ? { caller: this.caller, isPlain } : undefined;
    this.breaker.finish(this.generation, outcome, failure);
  }

  /** Reports that the body broke off on the upstream's side, after `settle`. */
  break(): void {
    const failure = { caller: this.caller, isPlain: false };
    if (this.outcome === 'success') this.breaker.finishBroken(this.generation, failure);
    else if (this.outcome === 'neutral') this.breaker.finish(this.generation, 'failure', failure);
    this.outcome = 'failure';
  }
}

/** Throws in the same tick, so that the state has moved when `fire` returns. */
function fail(): never {
  throw FAILED;
}

function ignore(): void {}
