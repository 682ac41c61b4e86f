interface Bounds {
  /** Works that run at the same time. */
  readonly running: number;
  /** Works that wait for their turn. */
  readonly waiting: number;
  /** Longest wait in milliseconds. */
  readonly waitMs: number;
}

interface Waiter {
  readonly enter: (isInTime: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

/** Runs expensive work a few at a time; whoever waits is served in order, and not for longer than the bounds say. */
export class BoundedWork {
  private readonly bounds: Bounds;
  private readonly queue = new Set<Waiter>();
  private running = 0;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
  }

  /** What the work gives, or `undefined` when it was not begun: too many wait, or it has waited too long. */
  async run<T extends {}>(work: () => Promise<T>): Promise<T | undefined> {
    if (!(await this.enter())) return undefined;
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private enter(): boolean | Promise<boolean> {
    const { running, waiting, waitMs } = this.bounds;
    if (this.running < running) {
      this.running += 1;
      return true;
    }
    if (this.queue.size >= waiting) return false;
    return new Promise((enter) => {
      const giveUp = (): void => {
        this.queue.delete(waiter);
        enter(false);
      };
      const waiter: Waiter = { enter, timer: setTimeout(giveUp, waitMs) };
      this.queue.add(waiter);
    });
  }

  /** The place passes to the first in the queue, so `running` only falls when nobody waits. */
  private leave(): void {
    const [next] = this.queue;
    if (!next) {
      this.running -= 1;
      return;
    }
    this.queue.delete(next);
    clearTimeout(next.timer);
    next.enter(true);
  }
}
