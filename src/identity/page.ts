import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../errors/rejection.ts';

export interface PageRequest {
  /** 1–200; default 50. */
  readonly limit?: number | undefined;
  /** `nextCursor` of the page before; opaque to callers. */
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** `undefined` on the last page. */
  readonly nextCursor: string | undefined;
}

interface Position {
  readonly createdAt: number;
  readonly id: string;
}

const LONGEST_PAGE = 200;
const DEFAULT_PAGE = 50;
const ANY_ID = /^.{1,128}$/;

/**
 * One page of a table with `created_at` and `id`, newest first. Rows created meanwhile never shift a page, because the
 * cursor names a row and not a count. Throws VALIDATION_ERROR on a limit or cursor that is not ours; `idForm` is how the
 * table's ids are written.
 */
export async function readPage<Row extends { id: string | number; created_at: number }>(
  query: Knex.QueryBuilder,
  table: string,
  request: PageRequest,
  idForm: RegExp = ANY_ID,
): Promise<Page<Row>> {
  const limit = checkLimit(request.limit);
  if (request.cursor !== undefined) {
    const { createdAt, id } = decodeCursor(request.cursor, idForm);
    void query.whereRaw('(??, ??) < (?, ?)', [`${table}.created_at`, `${table}.id`, createdAt, id]);
  }
  const rows: Row[] = await query
    .orderBy([
      { column: `${table}.created_at`, order: 'desc' },
      { column: `${table}.id`, order: 'desc' },
    ])
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last ? encodeCursor(last) : undefined };
}

function checkLimit(limit: number = DEFAULT_PAGE): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LONGEST_PAGE) return limit;
  throw new GatewayError(new Rejection('VALIDATION_ERROR', `limit must be a whole number from 1 to ${LONGEST_PAGE}.`));
}

function encodeCursor(row: { id: string | number; created_at: number }): string {
  return Buffer.from(`${row.created_at}.${row.id}`).toString('base64url');
}

function decodeCursor(cursor: string, idForm: RegExp): Position {
  const [, createdAt, id] = /^(\d{1,15})\.(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (createdAt !== undefined && id !== undefined && idForm.test(id)) return { createdAt: Number(createdAt), id };
  throw new GatewayError(new Rejection('VALIDATION_ERROR', 'The cursor is not one that this gateway gave out.'));
}
