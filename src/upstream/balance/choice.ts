import type { BalancedExchange, Target } from '../targets.ts';

/** One of the candidates, all of which may be offered the request; `undefined` only when there are none. */
export type Choice = (candidates: readonly Target[], exchange: BalancedExchange) => Target | undefined;
