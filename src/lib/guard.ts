/** Anything that can be ended at once: a socket, a response, a stream. */
export interface Endable {
  destroy(): unknown;
}

/** Reports an unexpected error. `place` comes from a closed vocabulary, because it labels a metric. */
export type ReportEscape = (error: unknown, place: string) => void;

/**
 * The one net under every listener, timer and callback that runs on behalf of a client: what escapes from it is
 * reported and ends what it ran for. Left alone it would reach the event loop and end the process.
 */
export class Guard {
  private readonly report: ReportEscape;

  constructor(report: ReportEscape) {
    this.report = report;
  }

  /** To be called from a `catch`: the hot paths write their own `try`, which costs nothing. */
  escaped(error: unknown, place: string, victim: Endable | undefined): void {
    try {
      this.report(error, place);
    } finally {
      victim?.destroy();
    }
  }

  /** The listener, with the net under it; `victimOf` names what its failure ends. */
  listener<Args extends unknown[]>(
    place: string,
    victimOf: (...args: Args) => Endable | undefined,
    listener: (...args: Args) => void,
  ): (...args: Args) => void {
    return (...args) => {
      try {
        listener(...args);
      } catch (error) {
        this.escaped(error, place, victimOf(...args));
      }
    };
  }
}
