import { type TSchema, Type } from '../../lib/schema-builder.ts';
import type { Page } from '../../identity/page.ts';

/** Query parameters of every list. */
export const PAGE_FIELDS = {
  limit: Type.Integer({ description: 'Most entries to answer with.', default: 50, minimum: 1, maximum: 200 }),
  cursor: Type.Optional(
    Type.String({ description: '`next_cursor` of the page before.', minLength: 1, maxLength: 400 }),
  ),
};

/** A page of a list, newest entries first; `next_cursor` is absent on the last one. */
export function PageOf<S extends TSchema>(item: S) {
  return Type.Object({ items: Type.Array(item), next_cursor: Type.Optional(Type.String()) });
}

export function pageOf<T, V>(page: Page<T>, view: (item: T) => V): { items: V[]; next_cursor?: string } {
  const items = page.items.map(view);
  return page.nextCursor === undefined ? { items } : { items, next_cursor: page.nextCursor };
}
