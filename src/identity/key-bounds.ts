import { formatJson, parseJson } from './json-column.ts';
import type { RightsSource } from './rights.ts';

const BOUNDS = ['scopes', 'models', 'routes', 'addresses'] as const;
type Bound = (typeof BOUNDS)[number];

/**
 * How a key narrows what its owner may do: permissions (`scopes`), names of models and of routes, and the client
 * addresses it works from (CIDR blocks). A bound that is left out or `undefined` does not narrow.
 */
export type KeyBounds = { readonly [B in Bound]?: readonly string[] | undefined };

/** A bound left out stays as it is; `null` lifts it. */
export type KeyBoundsPatch = { readonly [B in Bound]?: readonly string[] | null | undefined };

/** The columns of `api_keys` that hold the bounds, as JSON. */
export type BoundColumns = { readonly [B in Bound]: string | null };

export function readBounds(row: BoundColumns): { readonly [B in Bound]: readonly string[] | undefined } {
  return {
    scopes: parseJson(row.scopes),
    models: parseJson(row.models),
    routes: parseJson(row.routes),
    addresses: parseJson(row.addresses),
  };
}

export function boundColumns(bounds: KeyBounds): BoundColumns {
  return {
    scopes: formatJson(bounds.scopes),
    models: formatJson(bounds.models),
    routes: formatJson(bounds.routes),
    addresses: formatJson(bounds.addresses),
  };
}

/** The columns a patch changes. */
export function changedBounds(patch: KeyBoundsPatch): Partial<BoundColumns> {
  const changed = BOUNDS.filter((bound) => patch[bound] !== undefined);
  return Object.fromEntries(changed.map((bound) => [bound, formatJson(patch[bound])]));
}

/** What the key itself says of the rights of its bearer. */
export function keyRights({ scopes, models, routes, addresses }: KeyBounds): RightsSource {
  return { from: 'key', permissions: scopes, models, routes, addresses };
}
