import type { Clock } from '../lib/clock.ts';
import type { Endable, Guard } from '../lib/guard.ts';
import { type Listed, Roster } from '../lib/roster.ts';

/** What was being waited for when time ran out. */
export type DeadlinePhase = 'request_body' | 'connect' | 'first_byte' | 'idle' | 'total';

/** Waits of one exchange with its upstream, in milliseconds. */
export interface Timeouts {
  readonly connect: number;
  readonly first_byte: number;
  /** `first_byte` of calls that ask for a stream; unset = the same. */
  readonly first_byte_streamed?: number;
  readonly idle: number;
  /** `idle` for event streams and upgrades. */
  readonly idle_streamed: number;
  /** 0 = no total deadline. */
  readonly total: number;
}

const NEVER = Number.POSITIVE_INFINITY;

/** How often the watch looks: a deadline is noticed at most so many milliseconds late. */
const LOOK_EVERY_MS = 20;

/**
 * Looks after the deadlines of all exchanges with one timer. A timer per request costs more than the waits are worth:
 * nearly all of them end long before their deadline.
 */
export class DeadlineWatch {
  readonly clock: Clock;
  private readonly waiting = new Roster<Deadline>();
  private readonly guard: Guard;
  private timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, guard: Guard) {
    this.clock = clock;
    this.guard = guard;
  }

  add(deadline: Deadline): void {
    this.waiting.add(deadline);
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  remove(deadline: Deadline): void {
    this.waiting.remove(deadline);
  }

  private look(): void {
    if (this.waiting.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
      return;
    }
    const now = this.clock.monotonic();
    this.waiting.forEach((deadline) => {
      try {
        deadline.look(now);
      } catch (error) {
        this.guard.escaped(error, 'deadline', deadline.owner);
      }
    });
  }
}

/** The waits of one exchange. Setting or moving one is an assignment; what has passed is noticed within 20 ms. */
export class Deadline implements Listed {
  rosterIndex = -1;
  /** Set by whoever is waiting; called at most once per expiry, with the wait that ran out. */
  onExpire: ((phase: DeadlinePhase) => void) | undefined;
  /** Called when nothing has asked for quiet again in time; it ends nothing. */
  onQuiet: (() => void) | undefined;

  /** What ends when a callback throws. */
  readonly owner: Endable | undefined;
  private readonly watch: DeadlineWatch;
  private totalAt = NEVER;
  private phaseAt = NEVER;
  private bodyAt = NEVER;
  private quietAt = NEVER;
  private phase: DeadlinePhase = 'connect';

  constructor(watch: DeadlineWatch, owner?: Endable) {
    this.watch = watch;
    this.owner = owner;
  }

  /** Bounds the whole exchange from now on; 0 = no bound. */
  limitTotal(ms: number): void {
    if (ms === 0) return;
    this.totalAt = this.watch.clock.monotonic() + ms;
    this.watch.add(this);
  }

  /** Milliseconds left of the total; `Infinity` when unbounded. */
  remainingMs(): number {
    return this.totalAt === NEVER ? NEVER : Math.max(0, this.totalAt - this.watch.clock.monotonic());
  }

  /** Starts (or restarts) the wait for one phase; it replaces the wait for the phase before. */
  await(phase: 'connect' | 'first_byte' | 'idle', ms: number): void {
    this.phase = phase;
    this.phaseAt = this.watch.clock.monotonic() + ms;
    this.watch.add(this);
  }

  /** Starts (or moves) the wait for the client's body, beside any other wait. */
  awaitBody(ms: number): void {
    this.bodyAt = this.watch.clock.monotonic() + ms;
    this.watch.add(this);
  }

  /** Calls `onQuiet` once so many milliseconds from now, unless asked again before. */
  awaitQuiet(ms: number): void {
    this.quietAt = this.watch.clock.monotonic() + ms;
    this.watch.add(this);
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
    this.phaseAt = this.totalAt = this.bodyAt = this.quietAt = NEVER;
    this.watch.remove(this);
  }

  /** Tells the waits that have passed, the one that ends everything first. */
  look(now: number): void {
    if (this.quietAt <= now) {
      this.quietAt = NEVER;
      this.onQuiet?.();
    }
    if (this.totalAt <= now) {
      this.totalAt = NEVER;
      this.onExpire?.('total');
    }
    if (this.phaseAt <= now) {
      this.phaseAt = NEVER;
      this.onExpire?.(this.phase);
    }
    if (this.bodyAt <= now) {
      this.bodyAt = NEVER;
      this.onExpire?.('request_body');
    }
  }
}
