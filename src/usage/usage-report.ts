import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../errors/rejection.ts';

/** The fields that sums can be split by, in sort order. */
export const DIMENSIONS = ['day', 'consumer', 'service', 'model'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export interface ReportQuery {
  /** Empty: one sum of everything. */
  readonly groupBy: readonly Dimension[];
  /** Epoch milliseconds; the days (UTC) of both count in full. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly consumer?: string | undefined;
  readonly service?: string | undefined;
  /** The one that answered. */
  readonly model?: string | undefined;
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** Sums of requests that have something in common. */
export interface UsageSums {
  /** `2026-01-31` */
  readonly day?: string;
  /** Empty for unauthenticated requests. */
  readonly consumer?: string;
  /** The name of a stored consumer. */
  readonly consumerName?: string;
  readonly service?: string;
  /** Empty for requests to no model. */
  readonly model?: string;
  readonly requests: number;
  /** Answered with 400 or above. */
  readonly failures: number;
  /** Requests whose numbers were estimated because the upstream reported none. */
  readonly estimated: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Parts of the input. */
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  /** Part of the output. */
  readonly reasoningTokens: number;
  readonly costNanoUsd: bigint;
}

export interface ReportPage {
  readonly items: readonly UsageSums[];
  /** `undefined` on the last page. */
  readonly nextCursor: string | undefined;
}

type Row = Readonly<Record<string, string | number>>;

const DAY_MS = 86_400_000;
const SUMS = [
  'requests',
  'failures',
  'estimated',
  'input_tokens',
  'output_tokens',
  'cached_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'cost_nano_usd',
];
const FILTERS = ['consumer', 'service', 'model'] as const;

/** Sums of usage from the database, sorted by what they are split by. Throws VALIDATION_ERROR on a foreign cursor. */
export async function readReport(reader: Knex, query: ReportQuery): Promise<ReportPage> {
  const { from, to, limit, cursor } = query;
  const groups = DIMENSIONS.filter((dimension) => query.groupBy.includes(dimension));
  const found = reader('usage_days')
    .select(groups)
    .limit(limit + 1);
  // As text: a sum may be larger than a number can be.
  for (const sum of SUMS) void found.select(reader.raw('cast(sum(??) as text) as ??', [sum, sum]));
  if (groups.length > 0) void found.groupBy(groups).orderBy(groups);
  if (from !== undefined) void found.where('day', '>=', dayOf(from));
  if (to !== undefined) void found.where('day', '<=', dayOf(to));
  for (const name of FILTERS) if (query[name] !== undefined) void found.where(name, query[name]);
  if (cursor !== undefined) {
    const values = decodeCursor(cursor, groups);
    const [names, marks] = ['??', '?'].map((mark) => groups.map(() => mark).join(', '));
    void found.whereRaw(`(${names}) > (${marks})`, [...groups, ...values]);
  }
  const rows = (await found) as Row[];
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const sums = page.filter(({ requests }) => requests !== null).map(readSums);
  const items = groups.includes('consumer') ? await nameConsumers(reader, sums) : sums;
  return { items, nextCursor: rows.length > limit && last ? encodeCursor(last, groups) : undefined };
}

/** Usage is recorded by id; people look for names. */
async function nameConsumers(reader: Knex, sums: readonly UsageSums[]): Promise<UsageSums[]> {
  const ids = [...new Set(sums.map(({ consumer = '' }) => consumer))];
  const rows: { id: string; name: string }[] = await reader('consumers').whereIn('id', ids).select('id', 'name');
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  return sums.map((each) => {
    const consumerName = names.get(each.consumer ?? '');
    return consumerName === undefined ? each : { ...each, consumerName };
  });
}

/** Days since the epoch. */
export function dayOf(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS);
}

function readSums(row: Row): UsageSums {
  const { day, consumer, service, model } = row;
  return {
    ...(day !== undefined && { day: new Date(Number(day) * DAY_MS).toISOString().slice(0, 10) }),
    ...(consumer !== undefined && { consumer: String(consumer) }),
    ...(service !== undefined && { service: String(service) }),
    ...(model !== undefined && { model: String(model) }),
    requests: Number(row['requests']),
    failures: Number(row['failures']),
    estimated: Number(row['estimated']),
    inputTokens: Number(row['input_tokens']),
    outputTokens: Number(row['output_tokens']),
    cachedTokens: Number(row['cached_tokens']),
    cacheWriteTokens: Number(row['cache_write_tokens']),
    reasoningTokens: Number(row['reasoning_tokens']),
    costNanoUsd: BigInt(row['cost_nano_usd'] ?? 0),
  };
}

function encodeCursor(row: Row, groups: readonly Dimension[]): string {
  return Buffer.from(JSON.stringify(groups.map((name) => row[name]))).toString('base64url');
}

function decodeCursor(cursor: string, groups: readonly Dimension[]): (string | number)[] {
  const values = parse(Buffer.from(cursor, 'base64url').toString());
  const isOurs =
    Array.isArray(values) &&
    groups.length > 0 &&
    values.length === groups.length &&
    values.every((value, i) => (groups[i] === 'day' ? Number.isSafeInteger(value) : typeof value === 'string'));
  if (isOurs) return values as (string | number)[];
  throw new GatewayError(new Rejection('VALIDATION_ERROR', 'The cursor is not one that this gateway gave out.'));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
