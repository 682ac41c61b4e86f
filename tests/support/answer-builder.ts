import type { Answer } from '../../src/upstream/attempt.ts';
import type { Target } from '../../src/upstream/targets.ts';

export interface BuiltAnswer extends Answer {
  /** Lets the body break off on the upstream's side. */
  breakOff(): void;
  readonly isDiscarded: boolean;
}

/** An upstream's head with an empty body. */
export function buildAnswer(target: Target, status: number, headers: readonly string[] = []): BuiltAnswer {
  let breakOff = (): void => {};
  let isDiscarded = false;
  return {
    target,
    status,
    headers,
    onBroken: (listener) => {
      breakOff = listener;
    },
    deliver: () => !isDiscarded,
    collect: () => Promise.resolve(Buffer.alloc(0)),
    discard: () => {
      isDiscarded = true;
    },
    breakOff: () => breakOff(),
    get isDiscarded() {
      return isDiscarded;
    },
  };
}
