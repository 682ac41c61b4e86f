import { GatewayError, Rejection } from '../errors/rejection.ts';
import { csvLine } from '../lib/csv.ts';
import { formatNanoUsd } from '../lib/nano-usd.ts';
import { DIMENSIONS, type Dimension, type ReportPage, type ReportQuery, type UsageSums } from './usage-report.ts';

type Cells = (string | number)[];

const PAGE = 1000;
/** The whole report is in memory until it is sent. */
const MOST_ROWS = 100_000;

const SUMS: readonly (readonly [title: string, read: (sums: UsageSums) => string | number])[] = [
  ['requests', ({ requests }) => requests],
  ['failures', ({ failures }) => failures],
  ['estimated', ({ estimated }) => estimated],
  ['input_tokens', ({ inputTokens }) => inputTokens],
  ['output_tokens', ({ outputTokens }) => outputTokens],
  ['cost_usd', ({ costNanoUsd }) => formatNanoUsd(costNanoUsd)],
  ['cached_tokens', ({ cachedTokens }) => cachedTokens],
  ['cache_write_tokens', ({ cacheWriteTokens }) => cacheWriteTokens],
  ['reasoning_tokens', ({ reasoningTokens }) => reasoningTokens],
];

/** Reads `consumer,day`. */
export function readGroups(text: string): Dimension[] {
  const names = text.split(',');
  return DIMENSIONS.filter((dimension) => names.includes(dimension));
}

/** A report as a table, title row first. */
export function reportCells(groups: readonly Dimension[], items: readonly UsageSums[]): Cells[] {
  const isNamed = groups.includes('consumer');
  const titles = [...groups, ...SUMS.map(([title]) => title), ...(isNamed ? ['consumer_name'] : [])];
  const rows = items.map((item) => [
    ...groups.map((name) => item[name] ?? ''),
    ...SUMS.map(([, read]) => read(item)),
    ...(isNamed ? [item.consumerName ?? ''] : []),
  ]);
  return [titles, ...rows];
}

/** All pages of a report from its beginning, as CSV. Throws VALIDATION_ERROR when there are too many rows. */
export async function reportCsv(
  read: (query: ReportQuery) => Promise<ReportPage>,
  query: Omit<ReportQuery, 'limit' | 'cursor'>,
): Promise<string> {
  const items = await readAll(read, query);
  return reportCells(query.groupBy, items).map(csvLine).join('');
}

/** All pages of a report from its beginning. Throws VALIDATION_ERROR when there are too many rows. */
export async function readAll(
  read: (query: ReportQuery) => Promise<ReportPage>,
  query: Omit<ReportQuery, 'limit' | 'cursor'>,
): Promise<UsageSums[]> {
  const items: UsageSums[] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ ...query, limit: PAGE, cursor });
    items.push(...page.items);
    cursor = page.nextCursor;
    if (items.length > MOST_ROWS) throw new GatewayError(new Rejection('VALIDATION_ERROR', TOO_MANY));
  } while (cursor !== undefined);
  return items;
}

const TOO_MANY = `More than ${MOST_ROWS} rows: ask for fewer days, or group by less.`;
