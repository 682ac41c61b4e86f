/** How long works may take of one turn of the event loop, all of them together. */
const TURN_MS = 4;

interface Work {
  /** Goes on for well under a millisecond; true when nothing is left. */
  readonly step: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Divides long computations among turns of the event loop, so that whatever else waits is served between them. All
 * works take turns with each other, and many of them take no more of a turn than one.
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
