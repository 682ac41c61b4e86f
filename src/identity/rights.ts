import { type Rights, UNBOUNDED } from '../exchange/principal.ts';
import { type AddressSet, compileAddressSet } from '../lib/address-set.ts';
import { narrowAny } from '../lib/wildcard-list.ts';

/**
 * What one source lets a caller do. A field left out or `undefined` does not narrow; an empty list allows nothing. Where
 * an outsider decides whether a field is there, whoever makes the source writes the empty list instead of leaving it out.
 */
export interface RightsSource {
  /** The source in words, for messages: `consumer`, `key`, `token`, `issuer corp`. */
  readonly from: string;
  readonly permissions?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly routes?: readonly string[] | undefined;
  /** CIDR ranges. */
  readonly addresses?: readonly string[] | undefined;
}

/** At least one source: a caller without a source has no rights, not all of them. */
export type RightsSources = readonly [RightsSource, ...RightsSource[]];

/** What a caller may do: what every source allows. This is the only place where rights are put together. */
export function computeRights(sources: RightsSources): Rights {
  return {
    permissions: narrowAny(...sources.map(({ permissions }) => permissions)) ?? UNBOUNDED.permissions,
    models: narrowAny(...sources.map(({ models }) => models)),
    routes: narrowAny(...sources.map(({ routes }) => routes)),
    addresses: inAll(sources.flatMap(({ addresses }) => (addresses ? [addresses] : []))),
  };
}

/** Addresses that lie in every list. A client's address rarely changes, and there may be a set for each key. */
function inAll(lists: readonly (readonly string[])[]): AddressSet | undefined {
  const sets = lists.map((list) => compileAddressSet(list, { remembered: 0 }));
  return sets.length < 2 ? sets[0] : (address) => sets.every((holds) => holds(address));
}
