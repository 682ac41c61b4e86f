import { BufferBudget } from '../../exchange/buffer-budget.ts';
import { withDeadline } from '../../lib/with-deadline.ts';

/** Bytes that all answers being recorded may hold in this process; an answer beyond is given but not kept. */
const MOST_BYTES = 64 * 1024 * 1024;
const LONGEST_WAIT_MS = 100;

/** The answers this process is recording or writing down. */
export class Recordings {
  readonly budget: BufferBudget;
  private readonly finishing = new Map<string, Promise<void>>();

  /** `callerShare`: percent of the memory that the answers of one caller may take. */
  constructor(callerShare: number) {
    this.budget = new BufferBudget(MOST_BYTES, callerShare);
  }

  /** `written` must not reject. */
  finish(key: string, written: Promise<void>): void {
    this.finishing.set(key, written);
    void written.then(() => {
      if (this.finishing.get(key) === written) this.finishing.delete(key);
    });
  }

  /** Waits a moment for an answer that has been sent and is being written: who repeats at once is not told that it runs. */
  async finished(key: string): Promise<void> {
    const written = this.finishing.get(key);
    if (written) await withDeadline(written, LONGEST_WAIT_MS).catch(() => undefined);
  }
}
