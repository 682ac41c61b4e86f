import type { Clock } from '../lib/clock.ts';
import type { Endable, Guard } from '../lib/guard.ts';
import { type Listed, Roster } from '../lib/roster.ts';

/**
 * What was being waited for when time ran out. `write`: for the upstream to take the request; `request_body`: for the
 * client to send it.
 */
export type DeadlinePhase = 'request_body' | 'connect' | 'write' | 'first_byte' | 'idle' | 'total';

/** Somebody who waits, and who ends what is running when the wait has lasted too long. */
export interface Waiter {
  /** False when there is nothing left to end here, so that the next waiter has to. */
  onExpire(phase: DeadlinePhase): boolean;
}

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

/**
 * The waits of one exchange. Setting or moving one is an assignment; what has passed is noticed within 20 ms. Three parties
 * may wait at once: the call upstream, the client's body, and the keeper, who sees the exchange through when neither runs.
 */
export class Deadline implements Listed {
  rosterIndex = -1;
  /** The attempt that is running upstream; waits for a phase are its own. */
  call: Waiter | undefined;
  /** Whoever reads the client's body. */
  body: Waiter | undefined;
  /** Hears of the total when no other waiter has ended the exchange. */
  keeper: Waiter | undefined;
  /** Called when nothing has asked for quiet again in time; it ends nothing. */
  onQuiet: (() => void) | undefined;
  /** The total has passed: nothing may be started any more. */
  isOver = false;

  /** What ends when a callback throws. */
  readonly owner: Endable | undefined;
  private readonly watch: DeadlineWatch;
  private totalAt = NEVER;
  private phaseAt = NEVER;
  private bodyAt = NEVER;
  private quietAt = NEVER;
  private phase: DeadlinePhase = 'connect';
  /** What was left for the body when its wait was suspended; -1 while it is not. */
  private bodyLeftMs = -1;
  private suspendedAt = 0;

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
    if (this.isOver) return 0;
    return this.totalAt === NEVER ? NEVER : Math.max(0, this.totalAt - this.watch.clock.monotonic());
  }

  /** Starts (or restarts) the wait for one phase; it replaces the wait for the phase before. */
  await(phase: 'connect' | 'write' | 'first_byte' | 'idle', ms: number): void {
    this.phase = phase;
    this.phaseAt = this.watch.clock.monotonic() + ms;
    this.watch.add(this);
  }

  /** Starts (or moves) the wait for the client's body, beside any other wait. */
  awaitBody(ms: number): void {
    if (this.bodyLeftMs !== -1) this.bodyLeftMs = ms;
    else this.bodyAt = this.watch.clock.monotonic() + ms;
    this.watch.add(this);
  }

  /** The client is not asked for more for now: its time stops. */
  suspendBody(): void {
    if (this.bodyLeftMs !== -1 || this.bodyAt === NEVER) return;
    this.suspendedAt = this.watch.clock.monotonic();
    this.bodyLeftMs = Math.max(0, this.bodyAt - this.suspendedAt);
    this.bodyAt = NEVER;
  }

  /** The client is asked again: its time goes on. Returns for how many milliseconds it had been suspended. */
  resumeBody(): number {
    if (this.bodyLeftMs === -1) return 0;
    const now = this.watch.clock.monotonic();
    this.bodyAt = now + this.bodyLeftMs;
    this.bodyLeftMs = -1;
    return now - this.suspendedAt;
  }

  /** Calls `onQuiet` once so many milliseconds from now, unless asked again before. */
  awaitQuiet(ms: number): void {
    this.quietAt = this.watch.clock.monotonic() + ms;
    this.watch.add(this);
  }

  bodyArrived(): void {
    this.bodyAt = NEVER;
    this.bodyLeftMs = -1;
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

  /** Reports the waits that have passed, the one that ends everything first. */
  look(now: number): void {
    if (this.quietAt <= now) {
      this.quietAt = NEVER;
      this.onQuiet?.();
    }
    if (this.totalAt <= now) this.endTotal();
    if (this.phaseAt <= now) {
      this.phaseAt = NEVER;
      this.call?.onExpire(this.phase);
    }
    if (this.bodyAt <= now) {
      this.bodyAt = NEVER;
      this.body?.onExpire('request_body');
    }
  }

  /** Whoever is waiting ends the exchange; the keeper does where nobody is. */
  private endTotal(): void {
    this.totalAt = NEVER;
    this.isOver = true;
    if (this.call?.onExpire('total') || this.body?.onExpire('total')) return;
    this.keeper?.onExpire('total');
  }
}
