// Journals of processes that were killed, and databases that are away for a while.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../src/lib/clock.ts';
import type { Database } from '../../src/storage/database.ts';
import { Ledger } from '../../src/usage/ledger.ts';
import { PendingAmounts } from '../../src/usage/pending-amounts.ts';
import { readReport } from '../../src/usage/usage-report.ts';
import { UsageStore } from '../../src/usage/usage-store.ts';
import { type ChildProgram, runProgram } from '../support/child-program.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';
import { until } from '../support/poll.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { recordId, recordText } from '../support/usage-records.ts';

/** Opens exchanges for ever and settles all but every fifth; prints the numbers of those that are on file. */
const WRITE_FOR_EVER = `
  const { Journal } = await import('%src%/usage/journal/journal.ts');
  const { systemClock } = await import('%src%/lib/clock.ts');
  const { recordId, recordText } = await import('%src%/../tests/support/usage-records.ts');
  const { writeSync } = await import('node:fs');
  const journal = new Journal({ folder: process.argv[1], clock: systemClock, mostBytes: () => 1e9 });
  const first = Number(process.argv[2]);
  for (let n = first; ; n++) {
    journal.accepts();
    const entry = { id: recordId(n), text: recordText(n, { outputTokens: 0, isEstimated: true }), position: 0 };
    journal.open(entry);
    journal.ensureWritten(entry);
    writeSync(1, 'open ' + n + '\\n');
    if (n % 5 === 0) continue;
    journal.close(entry, recordText(n));
    journal.flush();
    writeSync(1, 'settled ' + n + '\\n');
    if (n % 20 === 0) await new Promise(setImmediate);
  }
`;

const programs: ChildProgram[] = [];
const ledgers: Ledger[] = [];
let folder: string;

beforeEach(() => {
  folder = makeTempDir('usage');
});

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()));
  await Promise.all(ledgers.splice(0).map((ledger) => ledger.close()));
  removeTempDir(folder);
});

function openLedger(database: Database, in_: string = folder): Ledger {
  const said = () => undefined;
  const ledger = new Ledger({
    folder: in_,
    clock: systemClock,
    store: new UsageStore(database),
    pending: new PendingAmounts(),
    log: { info: said, warn: said, error: said },
    mostBytes: () => 1e9,
    onFull: () => 'shed',
    degraded: said,
  });
  ledgers.push(ledger);
  return ledger;
}

function start(first: number): ChildProgram {
  const program = runProgram(WRITE_FOR_EVER, [folder, String(first)]);
  programs.push(program);
  return program;
}

function numbersOf(program: ChildProgram, word: string): number[] {
  const lines = program.lines.filter((line) => line.startsWith(`${word} `));
  return lines.map((line) => Number(line.slice(word.length + 1)));
}

describeOnBothDatabases('a process that is killed', ({ openMigrated }) => {
  test('leaves one record of each exchange it has told of, estimated where the end is missing', async () => {
    const database = await openMigrated();
    const ledger = openLedger(database);
    const killed = [start(1), start(1_000_000)];
    await until(() => killed.every(({ lines }) => lines.length > 400), { timeoutMs: 20_000 });
    // While they live, nobody takes their journals from them.
    await ledger.adopt(0);
    expect(await database.reader('usage_records').first()).toBeUndefined();
    await Promise.all(killed.map((program) => program.kill()));
    const heirs = [ledger, openLedger(database)];
    await Promise.all(heirs.map((heir) => heir.adopt(0)));
    await Promise.all(heirs.map((heir) => heir.adopt(0)));
    const rows: { id: string; is_estimated: number }[] = await database.reader('usage_records');
    const found = new Map(rows.map(({ id, is_estimated: isEstimated }) => [id, isEstimated]));
    for (const program of killed) {
      for (const n of numbersOf(program, 'open').map(recordId)) expect(found.has(n)).toBe(true);
      for (const n of numbersOf(program, 'settled').map(recordId)) expect(found.get(n)).toBe(0);
    }
    const unfinished = [...found].filter(([, isEstimated]) => isEstimated === 1).map(([id]) => Number(id) % 5);
    // The one that was being written may be among them.
    expect(unfinished.filter((rest) => rest !== 0).length).toBeLessThanOrEqual(2);
    const { items } = await readReport(database.reader, { groupBy: [], limit: 1 });
    expect(items[0]?.requests).toBe(rows.length);
    expect(readdirSync(folder)).toEqual([]);
  }, 40_000);
});

describeOnBothDatabases('a database that is away', ({ openMigrated }) => {
  test('costs no record: they wait on file and arrive once, in their order', async () => {
    const database = await openMigrated();
    const { journal, shipper } = openLedger(database, join(folder, 'a'));
    await database.knex.schema.renameTable('usage_days', 'usage_days_away');
    const write = (from: number, to: number): void => {
      for (let n = from; n < to; n++) {
        expect(journal.accepts()).toBe(true);
        const entry = { id: recordId(n), text: recordText(n), segment: undefined, position: 0 };
        journal.open(entry);
        journal.close(entry, recordText(n));
      }
      journal.flush();
    };
    write(0, 1500);
    await expect(shipper.ship()).rejects.toThrow();
    write(1500, 3000);
    await expect(shipper.ship()).rejects.toThrow();
    const waiting = journal.bytes;
    expect(waiting).toBeGreaterThan(3000 * 200);
    await database.knex.schema.renameTable('usage_days_away', 'usage_days');
    await shipper.ship();
    const { items } = await readReport(database.reader, { groupBy: [], limit: 1 });
    expect(items[0]).toMatchObject({ requests: 3000, costNanoUsd: 3_000_000n });
    expect(Number((await database.reader('usage_records').count({ rows: '*' }))[0]?.['rows'])).toBe(3000);
  });

  test('leaves to the next start what a stop could not bring there', async () => {
    const database = await openMigrated();
    const stopped = openLedger(database);
    await database.knex.schema.renameTable('usage_days', 'usage_days_away');
    expect(stopped.journal.accepts()).toBe(true);
    const entry = { id: recordId(1), text: recordText(1), segment: undefined, position: 0 };
    stopped.journal.open(entry);
    stopped.journal.close(entry, recordText(1));
    await stopped.close();
    await database.knex.schema.renameTable('usage_days_away', 'usage_days');
    await openLedger(database).adopt(0);
    expect(await database.reader('usage_records').pluck('id')).toEqual([recordId(1)]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
