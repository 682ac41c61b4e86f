import type { Counted, LendingStore } from './counter-store.ts';

/** Asks for nothing: the answer says how a count stands. */
const NOTHING = { need: 0, want: 0, share: 1, holdUs: 0 } as const;

/** What is left of each count in the store; `undefined` where it does not answer. */
export function readLeft(
  store: Pick<LendingStore, 'lease'>,
  counts: readonly Counted[],
): Promise<(number | undefined)[]> {
  return Promise.all(counts.map(async (count) => (await store.lease({ ...count, ...NOTHING }))?.verdict.remaining));
}
