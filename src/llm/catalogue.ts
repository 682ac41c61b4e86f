import type { Model } from '../exchange/model-call.ts';
import { type ModelPrice, plainPrice } from '../exchange/model-price.ts';
import type { Principal } from '../exchange/principal.ts';
import { resolveAlias } from '../lib/resolve-alias.ts';
import { holds } from '../lib/wildcard-list.ts';
import { compilePrice, dearestOf } from './prices/compile-price.ts';
import type { ModelEntryConfig, ModelsConfig } from './schema.ts';

const NO_MODELS: ModelsConfig = { default_by: {}, allow: [], entries: {}, aliases: {} };
const FREE = plainPrice(0, 0);

/** The models of one service: what each name means, and what a request without a name means. Immutable. */
export class ModelCatalogue {
  /** Those that may be asked for, in the order in which they are written; empty where every name is passed on. */
  readonly models: readonly Model[];
  /** Only what stands in the configuration is served. */
  readonly isClosed: boolean;
  /** The name for requests without one, or `fastest`. */
  readonly defaultName: string | undefined;
  private readonly config: ModelsConfig;
  private readonly byName = new Map<string, Model>();
  private readonly aliases: ReadonlyMap<string, string>;
  /** The names of a model: its own, then its aliases. */
  private readonly names = new Map<string, string[]>();

  constructor(config: ModelsConfig = NO_MODELS) {
    const { entries, allow } = config;
    this.config = config;
    this.isClosed = Object.keys(entries).length > 0;
    this.defaultName = config.default;
    const prices = new Map(Object.entries(entries).map(([name, entry]) => [name, priceOf(entry)]));
    const dearest = dearestOf([...prices.values()].filter((price) => price !== undefined));
    const common = { takesToldCost: config.told_cost === 'prefer', tellsCost: config.cost_header === true };
    const isAllowed = (name: string): boolean => allow.length === 0 || holdsAny(allow, this.namesOf(name));
    // The loader has refused circles; a name in one would stand for itself.
    const resolve = (alias: string): string => resolveAlias(config.aliases, alias) ?? alias;
    this.aliases = new Map(Object.keys(config.aliases).map((alias) => [alias, resolve(alias)]));
    for (const [alias, name] of this.aliases) this.names.set(name, [...this.namesOf(name), alias]);
    for (const [name, entry] of Object.entries(entries))
      if (isAllowed(name))
        this.byName.set(name, listedModel(name, entry, { price: prices.get(name), dearest, common }));
    this.models = [...this.byName.values()];
  }

  /** What a client means by a name; `undefined` when there is no such model here. */
  find(asked: string): Model | undefined {
    const { allow } = this.config;
    const name = this.aliases.get(asked) ?? asked;
    if (this.isClosed) return this.byName.get(name);
    // What ends in * would be taken for all that it stands for.
    if (name.endsWith('*')) return undefined;
    return allow.length === 0 || holdsAny(allow, this.namesOf(name)) ? unlistedModel(name) : undefined;
  }

  /** True when one of the names of the model stands in the list: rights may be given by any of them. */
  isHeld(list: readonly string[], name: string): boolean {
    return holdsAny(list, this.namesOf(name));
  }

  fallbacksOf({ name }: Model): readonly Model[] {
    const { entries } = this.config;
    const fallbacks = Object.hasOwn(entries, name) ? (entries[name] as ModelEntryConfig).fallbacks : [];
    return fallbacks.map((fallback) => this.find(fallback)).filter((model) => model !== undefined);
  }

  /** The models that the claims of the caller call for, best first. */
  defaultsBy(principal: Pick<Principal, 'lob' | 'claims'>): readonly Model[] {
    return Object.entries(this.config.default_by).flatMap(([claim, byValue]) => {
      const value = claim === 'lob' ? principal.lob : ownValue(principal.claims, claim);
      return [value]
        .flat()
        .map((item) => ownValue(byValue, String(item)))
        .map((name) => (name === undefined ? undefined : this.find(name)))
        .filter((model) => model !== undefined);
    });
  }

  private namesOf(name: string): string[] {
    return this.names.get(name) ?? [name];
  }
}

/** A name that only the client has written; empty when it has written none. */
export function unlistedModel(name: string): Model {
  return { name, upstreamName: name, price: undefined, maxOutputTokens: undefined, isListed: false };
}

interface Priced {
  readonly price: ModelPrice | undefined;
  readonly dearest: ModelPrice | undefined;
  readonly common: Pick<Model, 'takesToldCost' | 'tellsCost'>;
}

function listedModel(name: string, entry: ModelEntryConfig, { price, dearest, common }: Priced): Model {
  const { unpriced } = entry;
  const substitute = unpriced === 'cap' ? dearest : unpriced === 'free' ? FREE : undefined;
  return Object.freeze({
    name,
    upstreamName: entry.upstream_name ?? name,
    price: price ?? substitute,
    maxOutputTokens: entry.max_output,
    isDeniedUnderBudget: price === undefined && unpriced === 'deny',
    ...common,
    fallbackOn: entry.fallback_on,
    isListed: true,
  });
}

/** What is written; the loader has filled in what the price list says. */
function priceOf({ price, price_version: version = 'configuration' }: ModelEntryConfig): ModelPrice | undefined {
  return price && compilePrice(price, version);
}

function holdsAny(list: readonly string[], names: readonly string[]): boolean {
  return names.some((name) => !name.endsWith('*') && holds(list, name));
}

function ownValue<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
