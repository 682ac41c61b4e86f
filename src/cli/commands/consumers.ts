import { ApiKeys } from '../../identity/api-keys.ts';
import type { ApiKey } from '../../identity/api-key-row.ts';
import { type Consumer, Consumers } from '../../identity/consumers.ts';
import type { Page } from '../../identity/page.ts';
import { systemClock } from '../../lib/clock.ts';
import { migrateDatabase } from '../../storage/migrate.ts';
import { byOperator } from '../by-operator.ts';
import { renderTable } from '../table.ts';
import { withDatabase } from '../with-database.ts';

interface ConsumerOptions {
  readonly config: string;
  readonly json?: true;
}

interface Stored {
  readonly consumers: Consumers;
  readonly keys: ApiKeys;
}

type Fields = Readonly<Record<string, unknown>>;

const LONGEST_PAGE = 200;

export async function listConsumers(options: ConsumerOptions): Promise<void> {
  await withStored(options, async ({ consumers }) => {
    const all = await readPages((cursor) => consumers.list({ limit: LONGEST_PAGE, cursor }));
    if (options.json) return printJson(all.map(fieldsOf));
    const cells = all.map(({ id, name, tier, status, createdAt }) => [
      id,
      name,
      tier ?? '-',
      status,
      textOf(timeOf(createdAt)),
    ]);
    for (const line of renderTable([['ID', 'NAME', 'TIER', 'STATUS', 'CREATED'], ...cells])) console.log(line);
  });
}

export async function showConsumer(word: string, options: ConsumerOptions): Promise<void> {
  await withStored(options, async ({ consumers, keys }) => {
    const id = await consumers.idOf(word);
    const fields = fieldsOf(await consumers.get(id));
    const owned = await readPages((cursor) => keys.list({ limit: LONGEST_PAGE, cursor, consumerId: id }));
    if (options.json) return printJson({ ...fields, keys: owned.map(keyFieldsOf) });
    const lines = Object.entries(fields).map(([name, value]) => [name, textOf(value)]);
    for (const line of renderTable(lines)) console.log(line);
    const rows = owned.map((key) => Object.values(keyFieldsOf(key)).map(textOf));
    if (rows.length > 0) for (const line of ['', ...renderTable([KEY_TITLES, ...rows])]) console.log(line);
  });
}

export async function blockConsumer(word: string, options: ConsumerOptions): Promise<void> {
  await withStored(options, async ({ consumers }) => {
    const { id, name } = await consumers.patch(await consumers.idOf(word), { status: 'disabled' }, byOperator());
    console.error(`${name} (${id}) is blocked; running gateways refuse its keys and tokens within 2 s`);
  });
}

/** An address that nobody has verified does not stand for its account where rights come back. */
export async function unblockConsumer(word: string, options: ConsumerOptions): Promise<void> {
  await withStored(options, async ({ consumers }) => {
    const { id, name } = await consumers.patch(await consumers.verifiedIdOf(word), { status: 'active' }, byOperator());
    console.error(`${name} (${id}) may call again; running gateways follow within 2 s`);
  });
}

async function withStored({ config }: ConsumerOptions, work: (stored: Stored) => Promise<void>): Promise<void> {
  await withDatabase(config, { create: false }, async (database) => {
    await migrateDatabase(database);
    const announce = () => Promise.resolve();
    const consumers = new Consumers(database, systemClock, announce);
    await work({ consumers, keys: new ApiKeys({ database, clock: systemClock, announce }) });
  });
}

async function readPages<T>(read: (cursor: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return items;
}

/** By the names of the admin API; a field that has nothing to say is left out of JSON. */
function fieldsOf({ rateLimit, createdAt, updatedAt, ...fields }: Consumer): Fields {
  return { ...fields, rate_limit: rateLimit, created_at: timeOf(createdAt), updated_at: timeOf(updatedAt) };
}

const KEY_TITLES = ['KEY', 'PREFIX', 'NAME', 'STATUS', 'EXPIRES', 'LAST USED'];

function keyFieldsOf({ id, prefix, name, status, expiresAt, lastUsedAt }: ApiKey): Fields {
  return { id, prefix, name, status, expires_at: timeOf(expiresAt), last_used_at: timeOf(lastUsedAt) };
}

function printJson(value: unknown): void {
  console.log(JSON.stringify(value, undefined, 2));
}

function textOf(value: unknown): string {
  if (value === undefined) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
