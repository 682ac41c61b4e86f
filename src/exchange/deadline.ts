import type { Clock } from '../lib/clock.ts';

/** What was being waited for when time ran out. */
export type DeadlinePhase = 'request_body' | 'connect' | 'first_byte' | 'idle' | 'total';

/** Waits of one exchange with its upstream, in milliseconds. */
export interface Timeouts {
  readonly connect: number;
  readonly first_byte: number;
  readonly idle: number;
  /** `idle` for event streams and upgrades. */
  readonly idle_streamed: number;
  /** 0 = no total deadline. */
  readonly total: number;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Every deadline of one exchange behind one timer. Moving a deadline later is one assignment: the timer is left alone
 * and looks again when it fires, so a chunk that extends the idle wait costs no timer work.
 */
export class Deadline {
  private readonly clock: Clock;
  private timer: NodeJS.Timeout | undefined;
  private timerAt = NEVER;
  private totalAt = NEVER;
  private phaseAt = NEVER;
  private bodyAt = NEVER;
  private phase: DeadlinePhase = 'connect';
  /** Set by whoever is waiting; called at most once per expiry, with the wait that ran out. */
  onExpire: ((phase: DeadlinePhase) => void) | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Bounds the whole exchange from now on; 0 = no bound. */
  limitTotal(ms: number): void {
    if (ms === 0) return;
    this.totalAt = this.clock.monotonic() + ms;
    this.schedule(this.totalAt);
  }

  /** Milliseconds left of the total; `Infinity` when unbounded. */
  remainingMs(): number {
    return this.totalAt === NEVER ? NEVER : Math.max(0, this.totalAt - this.clock.monotonic());
  }

  /** Starts (or restarts) the wait for one phase; it replaces the wait for the phase before. */
  await(phase: 'connect' | 'first_byte' | 'idle', ms: number): void {
    this.phase = phase;
    this.phaseAt = this.clock.monotonic() + ms;
    this.schedule(this.phaseAt);
  }

  /** Starts (or moves) the wait for the client's body, beside any other wait. */
  awaitBody(ms: number): void {
    this.bodyAt = this.clock.monotonic() + ms;
    this.schedule(this.bodyAt);
  }

  bodyArrived(): void {
    this.bodyAt = NEVER;
  }

  /** Nothing is awaited between two attempts. */
  endPhase(): void {
    this.phaseAt = NEVER;
  }

  /** Ends every wait. */
  clear(): void {
    this.phaseAt = this.totalAt = this.bodyAt = NEVER;
    this.timerAt = NEVER;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private schedule(at: number): void {
    if (at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(lookAgain, Math.max(1, Math.ceil(at - this.clock.monotonic())), this);
  }

  /** Fires what has expired, or sleeps on until the next deadline. */
  look(): void {
    this.timer = undefined;
    this.timerAt = NEVER;
    const now = this.clock.monotonic();
    const expired = this.expiredAt(now);
    if (expired !== undefined) return this.onExpire?.(expired);
    const next = Math.min(this.phaseAt, this.totalAt, this.bodyAt);
    if (next !== NEVER) this.schedule(next);
  }

  private expiredAt(now: number): DeadlinePhase | undefined {
    if (this.totalAt <= now) return this.expire('total');
    if (this.phaseAt <= now) return this.expire(this.phase);
    if (this.bodyAt <= now) return this.expire('request_body');
    return undefined;
  }

  private expire(phase: DeadlinePhase): DeadlinePhase {
    if (phase === 'total') this.totalAt = NEVER;
    else if (phase === 'request_body') this.bodyAt = NEVER;
    else this.phaseAt = NEVER;
    const next = Math.min(this.phaseAt, this.totalAt, this.bodyAt);
    if (next !== NEVER) this.schedule(next);
    return phase;
  }
}

function lookAgain(deadline: Deadline): void {
  deadline.look();
}
