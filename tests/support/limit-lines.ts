import type { Charge } from '../../src/counters/counter-store.ts';
import { compileLevel, type Line } from '../../src/counters/line.ts';
import type { BudgetConfig, LimitConfig } from '../../src/policies/limits/schema.ts';

export type LimitInput = Pick<LimitConfig, 'limit' | 'window'> & Partial<LimitConfig>;

/** The long form of a limit, with the schema's defaults. */
export function makeLimit(input: LimitInput): LimitConfig {
  return { count: 'requests', per: ['consumer'], algorithm: 'sliding_window', mode: 'auto', dry_run: false, ...input };
}

/** Lines as the service `orders` would have them. */
export function makeLines(...inputs: LimitInput[]): Line[] {
  const level = { level: 'service' as const, id: 'orders', rate_limit: { limits: inputs.map(makeLimit) } };
  return compileLevel(level, { route: 'orders', service: 'orders' });
}

/** Budgets as the service `orders` would have them. */
export function makeBudgets(...inputs: (Pick<BudgetConfig, 'every'> & Partial<BudgetConfig>)[]): Line[] {
  const budget = inputs.map((input) => ({ per: ['consumer' as const], dry_run: false, ...input }));
  const level = { level: 'service' as const, id: 'orders', rate_limit: { limits: [] }, budget };
  return compileLevel(level, { route: 'orders', service: 'orders' });
}

/** One request of a caller against the lines. */
export function makeCharges(lines: readonly Line[], caller: string): Charge[] {
  return lines.map((line) => ({ line, key: `${line.key}{c=${caller}}`, cost: 1 }));
}
