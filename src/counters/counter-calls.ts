/** Calls to the process that counts for several others: plain data, copied. */

import type { Charge, Correction, Decision, LeaseAsk, LeaseGrant } from './counter-store.ts';
import type { Line } from './line.ts';

/** What counting needs of a line. */
export type CountedLine = Pick<Line, 'rule' | 'isDryRun' | 'unit'>;

type Sent<Asked> = Omit<Asked, 'line'> & { readonly line: CountedLine };

export type CounterCall =
  | { readonly kind: 'decide'; readonly charges: readonly Sent<Charge>[] }
  | { readonly kind: 'lease'; readonly ask: Sent<LeaseAsk> }
  | { readonly kind: 'adjust'; readonly corrections: readonly Sent<Correction>[] };

/** A lease whose end counts from the moment it was asked for, because clocks differ between processes. */
export type SentGrant = Omit<LeaseGrant, 'expiresAt'> & { readonly lifeUs: number };

/** `undefined` for corrections, which have no answer. */
export type CounterAnswer = Decision | SentGrant | undefined;

export function trimLine<Asked extends { readonly line: CountedLine }>({ line, ...rest }: Asked) {
  return { ...rest, line: { rule: line.rule, isDryRun: line.isDryRun, unit: line.unit } };
}
