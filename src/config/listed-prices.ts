import { findPrice, type PriceList, readPriceList, shippedPrices } from '../llm/prices/price-list.ts';
import type { Checks } from './checks/policy-checks.ts';
import type { ConfigFile, ModelsFields } from './schema.ts';

type Entry = ModelsFields['entries'][string] & { price_version?: string };

/**
 * Gives every model that has no price of its own the one of the price list, and says of which list. What the
 * configuration writes always wins. Only reads a list where one is needed.
 */
export function fillListedPrices({ settings, services }: ConfigFile, { fail }: Pick<Checks, 'fail'>): void {
  const entries = Object.values(services).flatMap(({ models }) => Object.entries(models?.entries ?? {}));
  const unpriced = entries.filter(([, { price, unpriced: word }]) => price === undefined && word === undefined);
  if (unpriced.length === 0 && settings.price_list === undefined) return;
  let list: PriceList;
  try {
    list = settings.price_list === undefined ? shippedPrices() : readPriceList(settings.price_list);
  } catch (error) {
    return fail(['settings', 'price_list'], `cannot be read: ${(error as Error).message}`);
  }
  for (const [name, entry] of unpriced as [string, Entry][]) {
    const price = findPrice(list, entry.upstream_name ?? name);
    if (price) Object.assign(entry, { price, price_version: list.version });
  }
}
