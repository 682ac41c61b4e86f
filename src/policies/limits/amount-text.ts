import type { LimitConfig } from './schema.ts';
import { fromUnits } from '../../counters/units.ts';

/** An amount for people: `$0.25`, `1,024 tokens`, `1 request`. */
export function amountText(units: number, unit: LimitConfig['count']): string {
  if (unit === 'cost_usd') return dollarText(fromUnits(units, unit));
  const noun = unit === 'tokens' ? 'token' : 'request';
  return `${units.toLocaleString('en-US')} ${noun}${units === 1 ? '' : 's'}`;
}

/** Cents, and as many digits more as tell small amounts apart. */
function dollarText(dollars: number): string {
  if (dollars === 0) return '$0';
  const digits = dollars >= 1 ? 2 : Math.min(9, 1 - Math.floor(Math.log10(dollars)));
  return `$${dollars.toFixed(Math.max(2, digits))}`;
}
