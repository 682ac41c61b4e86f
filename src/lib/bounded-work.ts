interface Bounds {
  /** Tasks that run at the same time. */
  readonly running: number;
  /** Tasks that may wait for their turn. */
  readonly waiting: number;
  /** Longest wait in milliseconds. */
  readonly waitMs: number;
}

interface Waiter {
  readonly enter: (isInTime: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

/** Runs a few expensive tasks at a time. Waiting tasks are served in order and give up after the longest wait. */
export class BoundedWork {
  private readonly bounds: Bounds;
  private readonly queue = new Set<Waiter>();
  private running = 0;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
  }

  /** The result of the task, or `undefined` if it never started: too many tasks wait, or it has waited too long. */
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

  /** The place passes to the first in the queue, so `running` only falls when the queue is empty. */
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
