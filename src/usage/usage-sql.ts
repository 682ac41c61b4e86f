import type { Database } from '../storage/database.ts';
import { COLUMNS } from './usage-row.ts';

/** A statement whose bindings are JSON arrays of rows: one binding carries a whole batch, however many rows it has. */
interface UsageSql {
  /** Run one after the other in one transaction, each with the batch as its only binding. */
  readonly insertRecords: readonly string[];
  /** As above, with the name of the process after the batch. */
  readonly insertMinutes: readonly string[];
}

const NAMES = COLUMNS.map(([name]) => name).join(', ');

const KINDS = ['cached_tokens', 'cache_write_tokens', 'reasoning_tokens'];
const SUMS = ['requests', 'failures', 'estimated', 'input_tokens', 'output_tokens', 'cost_nano_usd', ...KINDS];
/** Records that an earlier release wrote into a journal have none. */
const KIND_SUMS = KINDS.map((name) => `coalesce(sum(${name}), 0)`).join(', ');

const DAYS = `usage_days (day, consumer, service, model, ${SUMS.join(', ')})`;

/** All processes add sums in the same order, so two that add to the same rows never deadlock. */
const ADD_TO_DAYS = `order by 1, 2, 3, 4 on conflict (day, consumer, service, model) do update set ${SUMS.map(
  (name) => `${name} = usage_days.${name} + excluded.${name}`,
).join(', ')}`;

function sumRecords(source: string): string {
  return `insert into ${DAYS}
    select started_at / 86400000, consumer, service, coalesce(model, ''), count(*),
      sum(case when status >= 400 then 1 else 0 end), sum(is_estimated),
      sum(input_tokens), sum(output_tokens), sum(cost_nano_usd), ${KIND_SUMS}
    from ${source} group by 1, 2, 3, 4 ${ADD_TO_DAYS}`;
}

const MINUTE_COLUMNS = [
  ['minute', 'bigint'],
  ['consumer', 'text'],
  ['service', 'text'],
  ['route', 'text'],
  ['status', 'integer'],
  ['is_recorded', 'integer'],
  ['requests', 'bigint'],
] as const;

const MINUTE_NAMES = MINUTE_COLUMNS.map(([name]) => name).join(', ');

/**
 * What a process says of a minute replaces what it said before, so that saying it twice changes nothing. To the day
 * goes the difference, except for requests that have a record of their own.
 */
function minuteStatements(elements: string): string[] {
  const gained = `sum(i.requests - coalesce(m.requests, 0))`;
  return [
    `insert into ${DAYS}
      select i.minute / 1440, i.consumer, i.service, '', ${gained},
        sum(case when i.status >= 400 then i.requests - coalesce(m.requests, 0) else 0 end), 0, 0, 0, 0, 0, 0, 0
      from (${elements}) i left join usage_minutes m
        on m.consumer = i.consumer and m.minute = i.minute and m.instance = ? and m.service = i.service
        and m.route = i.route and m.status = i.status and m.is_recorded = i.is_recorded
      where i.is_recorded = 0 group by 1, 2, 3, 4 having ${gained} > 0 ${ADD_TO_DAYS}`,
    `insert into usage_minutes (${MINUTE_NAMES}, instance)
      select i.*, p.instance from (${elements}) i cross join (select cast(? as text) as instance) p where true
      on conflict (consumer, minute, instance, service, route, status, is_recorded)
      do update set requests = excluded.requests`,
  ];
}

type ColumnList = readonly (readonly [name: string, type: string])[];

/** Rows of a JSON array of arrays as a table. */
const SQLITE = {
  elements: (columns: ColumnList) =>
    `select ${columns.map(([name], i) => `value ->> ${i} as ${name}`).join(', ')} from json_each(?)`,
};
const POSTGRES = {
  elements: (columns: ColumnList) =>
    `select ${columns.map(([name, type], i) => `(e ->> ${i})::${type} as ${name}`).join(', ')}
     from jsonb_array_elements(?::jsonb) e`,
};

/** On SQLite there is one writer at a time: what was not there when the sums are made is what is inserted next. */
function sqliteRecords(): string[] {
  const rows = `(${SQLITE.elements(COLUMNS)}) r`;
  const fresh = `(select * from ${rows} where not exists (select 1 from usage_records k where k.id = r.id)) r`;
  return [
    sumRecords(fresh),
    `insert into usage_records (${NAMES}) select * from ${rows} where true on conflict (id) do nothing`,
  ];
}

/** On PostgreSQL several processes may bring the same rows at once, and only the insertion itself knows who was first. */
function postgresRecords(): string[] {
  return [
    `with fresh as (
       insert into usage_records (${NAMES}) ${POSTGRES.elements(COLUMNS)} order by 1 on conflict (id) do nothing returning *
     ) ${sumRecords('fresh')}`,
  ];
}

export function usageSqlFor(kind: Database['kind']): UsageSql {
  return kind === 'sqlite'
    ? { insertRecords: sqliteRecords(), insertMinutes: minuteStatements(SQLITE.elements(MINUTE_COLUMNS)) }
    : { insertRecords: postgresRecords(), insertMinutes: minuteStatements(POSTGRES.elements(MINUTE_COLUMNS)) };
}
