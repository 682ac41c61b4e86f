import type { GatewayConfig } from '../../config/gateway-config.ts';
import { findUsageConsumer } from '../../identity/find-consumer.ts';
import { csvLine } from '../../lib/csv.ts';
import { parseInstant } from '../../lib/instant.ts';
import { listPendingMigrations } from '../../storage/migrate.ts';
import type { Database } from '../../storage/database.ts';
import { readAll, readGroups, reportCells } from '../../usage/report-csv.ts';
import { DIMENSIONS, type Dimension, readReport } from '../../usage/usage-report.ts';
import { renderTable } from '../table.ts';
import { UsageError } from '../failure.ts';
import { withDatabase } from '../with-database.ts';

interface UsageOptions {
  readonly config: string;
  readonly by: string;
  readonly consumer?: string;
  readonly service?: string;
  readonly model?: string;
  readonly from?: string;
  readonly to?: string;
  readonly csv?: true;
}

/** Prints what was used as a table, or as CSV. A running gateway brings its records within a second or two. */
export async function reportUsage(options: UsageOptions): Promise<void> {
  const groupBy = groupsOf(options.by);
  const days = { from: instantOf('from', options.from), to: instantOf('to', options.to) };
  await withDatabase(options.config, { create: false }, async (database, { config }) => {
    if ((await listPendingMigrations(database)).length > 0)
      throw new UsageError('The database is not of this release yet: run `turnpike migrate` first.');
    const consumer = await consumerOf(database, config, options.consumer);
    const query = { ...options, ...days, groupBy, consumer };
    const cells = reportCells(groupBy, await readAll((page) => readReport(database.reader, page), query));
    if (options.csv) process.stdout.write(cells.map(csvLine).join(''));
    else for (const line of renderTable(cells.map((row) => row.map((cell) => String(cell) || '-')))) console.log(line);
  });
}

async function consumerOf({ reader }: Database, { consumers }: GatewayConfig, word: string | undefined) {
  if (word === undefined) return undefined;
  return findUsageConsumer(reader, word, consumers);
}

function groupsOf(text: string): Dimension[] {
  const unknown = text.split(',').find((name) => !DIMENSIONS.some((dimension) => dimension === name));
  if (unknown !== undefined) throw new UsageError(`--by takes ${DIMENSIONS.join(', ')}, not "${unknown}"`);
  return readGroups(text);
}

function instantOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const instant = parseInstant(text);
  if (instant === undefined) throw new UsageError(`--${name} must be a date, such as 2026-01-31`);
  return instant;
}
