import { closestWord } from '../../lib/closest-word.ts';

/**
 * Why a consumer cannot be on this tier, or `undefined`. While no tiers are declared every name is fine: it is a label
 * that upstreams are told.
 */
export function tierMistake(name: string | undefined, tiers: Readonly<Record<string, unknown>>): string | undefined {
  const names = Object.keys(tiers);
  if (name === undefined || names.length === 0 || Object.hasOwn(tiers, name)) return undefined;
  const near = closestWord(name, names);
  const help = near === undefined ? `the tiers are ${names.join(', ')}` : `did you mean "${near}"?`;
  return `unknown tier "${name}", ${help}`;
}
