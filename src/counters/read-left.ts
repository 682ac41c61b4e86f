import type { Counted, LendingStore } from './counter-store.ts';

/** A charge of zero: the answer shows the state of the count. */
const NOTHING = { need: 0, want: 0, share: 1, holdUs: 0 } as const;

/** The remainder of each count in the store; `undefined` if the store does not answer. */
export function readLeft(
  store: Pick<LendingStore, 'lease'>,
  counts: readonly Counted[],
): Promise<(number | undefined)[]> {
  return Promise.all(counts.map(async (count) => (await store.lease({ ...count, ...NOTHING }))?.verdict.remaining));
}
