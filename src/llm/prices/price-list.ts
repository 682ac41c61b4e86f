import { readFileSync } from 'node:fs';
import { once } from '../../lib/once.ts';
import { priceMistake } from './compile-price.ts';
import { RATE_KEYS, type WrittenPrice } from './price-schema.ts';

/** Prices by the names that providers use. */
export interface PriceList {
  /** Names this state of the list: usage records keep it. */
  readonly version: string;
  readonly licence: string;
  readonly about?: string;
  readonly models: Readonly<Record<string, WrittenPrice>>;
}

/** The list that ships with this release. Read when a model without a price of its own is first met. */
export const shippedPrices = once(() => readPriceList(new URL('price-list.json', import.meta.url)));

/** Reads a list from a file. Throws an error that says what is wrong with it. */
export function readPriceList(file: string | URL): PriceList {
  return parsePriceList(readFileSync(file, 'utf8'));
}

export function parsePriceList(text: string): PriceList {
  const { version, licence, about, models } = JSON.parse(text) as Partial<PriceList>;
  if (typeof version !== 'string' || !/^[\w.:+-]{1,64}$/.test(version)) throw new Error('it has no version');
  if (typeof models !== 'object' || models === null) throw new Error('it has no models');
  for (const [name, price] of Object.entries(models)) {
    const mistake = isPrice(price) ? priceMistake(price) : 'is no price';
    if (mistake !== undefined) throw new Error(`${name.slice(0, 100)}: ${mistake}`);
  }
  return { version, licence: String(licence ?? 'unknown'), ...(about !== undefined && { about }), models };
}

function isPrice(price: unknown): price is WrittenPrice {
  if (typeof price !== 'object' || price === null) return false;
  return Object.entries(price).every(([key, value]: [string, unknown]) =>
    key === 'above'
      ? Array.isArray(value) && value.every(isPrice)
      : RATE_KEYS.has(key) && typeof value === 'number' && value >= 0 && value <= 1e9,
  );
}

/** A dated name such as `gpt-4o-2024-08-06` or `claude-haiku-4-5-20251001` has the price of the name without its date. */
const DATED = /-(?:\d{4}-\d{2}-\d{2}|\d{8})$/;

/** The price of a model by the name that its provider uses. */
export function findPrice({ models }: PriceList, name: string): WrittenPrice | undefined {
  const bare = name.replace(/^.*\//, '');
  for (const key of [name, name.replace(DATED, ''), bare, bare.replace(DATED, '')])
    if (Object.hasOwn(models, key)) return models[key];
  return undefined;
}
