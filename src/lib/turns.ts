/** The time that all tasks together may take in one turn of the event loop. */
const TURN_MS = 4;

interface Work {
  /** Works for well under a millisecond; true when the work is done. */
  readonly step: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Divides long computations among turns of the event loop, so that other events are handled between them. The tasks
 * take turns, and many tasks take no more of a turn than one.
 */
export class Turns {
  private readonly waiting: Work[] = [];
  private isPlanned = false;

  /** Resolves when `step` has returned true; rejects with what it throws. */
  run(step: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ step, resolve, reject });
      this.plan();
    });
  }

  private plan(): void {
    if (this.isPlanned || this.waiting.length === 0) return;
    this.isPlanned = true;
    setImmediate(() => {
      this.isPlanned = false;
      this.turn();
      this.plan();
    });
  }

  private turn(): void {
    const end = performance.now() + TURN_MS;
    do {
      const work = this.waiting.shift();
      if (!work) return;
      if (!isDone(work)) this.waiting.push(work);
    } while (performance.now() < end);
  }
}

function isDone({ step, resolve, reject }: Work): boolean {
  try {
    if (!step()) return false;
    resolve();
  } catch (error) {
    reject(error);
  }
  return true;
}
